using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Sums of tensors that were trained for different tasks: pruned by size or at random, with or without a vote on signs.</summary>
/// <remarks>Sources: TIES, Yadav et al. 2023, arXiv:2306.01708; DARE, Yu et al. 2023, arXiv:2311.03099.</remarks>
internal static class TaskVectors
{
    /// <summary>One tensor of several of equal shape.</summary>
    public static Tensor Merge(IReadOnlyList<Tensor> tensors, IReadOnlyList<double> weights, CombinationOptions options, Generator generator)
    {
        if (!options.Prunes)
        {
            return Sum(tensors, weights);
        }

        var density = options.Density!.Value;
        var random = options.Kind is CombinationKind.DareLinear or CombinationKind.DareLinearSvd or CombinationKind.DareTies or CombinationKind.DareTiesSvd;
        var pruned = tensors.Select(t => random ? Dropped(t, density, generator) : Largest(t, density)).ToArray();
        var votes = options.Kind is CombinationKind.Ties or CombinationKind.TiesSvd or CombinationKind.DareTies or CombinationKind.DareTiesSvd;
        return votes ? Voted(pruned, weights, options.VoteByFrequency) : Sum(pruned, weights);
    }

    private static Tensor Sum(IReadOnlyList<Tensor> tensors, IReadOnlyList<double> weights)
        => tensors.Zip(weights, (tensor, weight) => tensor * weight).Aggregate((sum, next) => sum + next);

    private static Tensor Largest(Tensor tensor, double density)
    {
        if (density >= 1)
        {
            return tensor;
        }

        var flat = tensor.reshape(-1);
        var kept = flat.abs().topk((int)(density * flat.numel())).indexes;
        return zeros_like(flat).index_copy(0, kept, flat.index_select(0, kept)).view(tensor.shape);
    }

    private static Tensor Dropped(Tensor tensor, double density, Generator generator)
        => density >= 1 ? tensor : tensor * empty_like(tensor).bernoulli_(density, generator) / density;

    // The vote is taken before the weights; entries that are zero agree with nobody.
    private static Tensor Voted(IReadOnlyList<Tensor> tensors, IReadOnlyList<double> weights, bool byFrequency)
    {
        var votes = (byFrequency ? tensors.Select(t => t.sign()) : tensors).Aggregate((sum, next) => sum + next);
        var majority = votes.ge(0).to(ScalarType.Float32).mul(2).sub(1);
        var agreeing = tensors.Select(t => t.sign().eq(majority).to(ScalarType.Float32)).ToArray();
        var sum = tensors.Select((tensor, k) => tensor * weights[k] * agreeing[k]).Aggregate((all, next) => all + next);
        return sum / agreeing.Aggregate((all, next) => all + next).clamp_min(1);
    }
}
