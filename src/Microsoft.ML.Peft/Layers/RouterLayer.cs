using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Chooses the experts of each token: <c>softmax(W·x)</c> over all experts, of which the k largest are kept and divided by their sum.</summary>
/// <remarks>Source: Jiang et al. 2024, arXiv:2401.04088, §2.1.</remarks>
public sealed class RouterLayer : Layer
{
    private readonly Tensor _weight; // (experts, in)
    private readonly int _count;
    private readonly string _storedPath; // in the checkpoint

    internal RouterLayer(string path, int index, Tensor weight, int count, string storedPath)
        : base(path, index) => (_weight, _count, _storedPath) = (weight, count, storedPath);

    /// <inheritdoc/>
    public override Tensor FrozenWeight => _weight;

    /// <summary>x (tokens, in) gives shares that sum to 1, in Float32, and experts, both (tokens, k).</summary>
    public (Tensor Shares, Tensor Experts) Forward(Tensor x, ForwardContext context)
    {
        var (weight, bias) = context.AdaptedWeights(this, x.dtype);
        var (shares, experts) = nn.functional.softmax(nn.functional.linear(x, weight, bias).to(ScalarType.Float32), 1).topk(_count, 1);
        return (shares.div(shares.sum(1, keepdim: true)), experts);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors() => [("weight", _weight)];

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> NamedTensors() => [($"{_storedPath}.weight", _weight)];
}
