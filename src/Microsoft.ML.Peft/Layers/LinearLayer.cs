using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>An affine layer of the base model: <c>y = x·Wᵀ + b</c>, with the adapters of the call on it.</summary>
public sealed class LinearLayer : Layer
{
    private readonly Tensor? _bias;

    internal LinearLayer(string path, int index, BaseWeight weight, Tensor? bias)
        : base(path, index)
    {
        Weight = weight;
        _bias = bias;
    }

    /// <summary>The frozen weight (out, in).</summary>
    public BaseWeight Weight { get; }

    /// <summary>The frozen bias (out), or null.</summary>
    public Tensor? Bias => _bias ?? Weight.GivenBias;

    /// <summary>Input features.</summary>
    public long InFeatures => Weight.Columns;

    /// <summary>Output features.</summary>
    public long OutFeatures => Weight.Rows;

    /// <summary>True for the layer that gives a score to each word; <c>all-linear</c> leaves it out, as HF PEFT does.</summary>
    public bool ScoresVocabulary { get; internal init; }

    /// <inheritdoc/>
    public override Tensor FrozenWeight => Weight.Dense();

    /// <inheritdoc/>
    public override Tensor? FrozenBias => Bias;

    /// <summary>x (…, in) gives (…, out).</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
        => context.AdaptersOf(this) is { } adapters
            ? new LayerCall(this, adapters, context).Forward(x)
            : context.Divides(this) ? context.ByRows(x, Forward) : Weight.Multiply(x, Bias);

    internal override void ReplaceWeight(Tensor weight) => Weight.Replace(weight);

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors()
    {
        if (!Weight.IsBorrowed)
        {
            yield return ("weight", Weight.Stored);
        }

        if (Bias is not null)
        {
            yield return ("bias", Bias);
        }
    }
}
