using static TorchSharp.torch;

namespace Peft.Golden;

/// <summary>How far the numbers of a case move where every weight moves by its last bit: no two machines agree better than that.</summary>
/// <remarks>An update with a large scale, or a gradient that is what is left of large terms, may move by more than the tolerance.</remarks>
internal static class Rounding
{
    private const int Draws = 3;

    // A pass rounds after each of its operations, not only once.
    private const double Operations = 8;

    /// <summary>Widens what is allowed of the numbers that are not equal, as far as rounding moves them.</summary>
    /// <param name="case">The case.</param>
    /// <param name="differences">What was found.</param>
    /// <param name="compare">Computes the case.</param>
    public static IReadOnlyList<Difference> Judge(GoldenCase @case, IReadOnlyList<Difference> differences, Action<GoldenModel, List<Difference>> compare)
    {
        var moves = new Dictionary<string, double>(StringComparer.Ordinal);
        for (var draw = 1; draw <= Draws; draw++)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator((ulong)draw);
            using var model = GoldenModel.Load(@case, change: model => Move(model.Layers.SelectMany(layer => layer.Tensors()).Select(t => t.Tensor), generator));
            Move(model.Adapter?.Parameters().Select(p => p.Parameter) ?? [], generator);
            var moved = new List<Difference>();
            compare(model, moved);
            foreach (var (before, after) in differences.Join(moved, d => d.What, d => d.What, (before, after) => (before, after)))
            {
                if (!before.IsEqual && before.Actual is { } was && after.Actual is { } now)
                {
                    moves[before.What] = Math.Max(moves.GetValueOrDefault(before.What), Difference.Largest(was - now) / before.Scale);
                }
            }
        }

        return [.. differences.Select(d => moves.TryGetValue(d.What, out var move) ? d with { Allowed = Math.Max(Difference.Tolerance, Operations * move) } : d)];
    }

    private static void Move(IEnumerable<Tensor> weights, Generator generator)
    {
        using var _ = no_grad();
        foreach (var weight in weights.Where(tensor => tensor.dtype == ScalarType.Float32).Distinct(ReferenceEqualityComparer.Instance).Cast<Tensor>())
        {
            var sign = rand(weight.shape, generator: generator).sub_(0.5).sign_();
            weight.mul_(sign.mul_(Math.Pow(2, -23)).add_(1));
        }
    }
}
