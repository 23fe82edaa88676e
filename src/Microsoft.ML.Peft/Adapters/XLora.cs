using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>X-LoRA: LoRA adapters that were trained before, the experts, mixed anew for each token by what a classifier reads in the hidden states.</summary>
/// <remarks>
/// <para><c>y = W·x + b + g·Σᵢ σᵢ·sᵢ·Bᵢ·Aᵢ·x</c>, σ of the token and, if <c>layerwise_scalings</c>, of the layer, by <see cref="XLoraClassifier"/>; i runs over the
/// experts that have the layer.</para>
/// <para>Shapes: x (tokens, in); σ (tokens, experts); Aᵢ (rᵢ, in), Bᵢ (out, rᵢ). Only the classifier is trained unless <c>use_trainable_adapters</c> is set.</para>
/// <para>Source: Buehler and Buehler 2024, arXiv:2402.07148, in the form of HF PEFT.</para>
/// </remarks>
public sealed class XLora : LinearAdapter
{
    private readonly XLoraClassifier _classifier;
    private readonly IReadOnlyList<(int Index, Lora Part)> _experts;
    private readonly int _number; // of the layer among those that have an expert

    internal XLora(LinearLayer target, XLoraClassifier classifier, IReadOnlyList<(int Index, Lora Part)> experts, int number)
        : base(target)
    {
        (_classifier, _experts, _number) = (classifier, experts, number);
        foreach (var (index, part) in experts)
        {
            register_parameter($"lora_A-{index}", part.Factors.A);
            register_parameter($"lora_B-{index}", part.Factors.B);
            if (part.Bias is { } bias)
            {
                register_parameter($"lora_B-{index}-bias", bias);
            }
        }
    }

    /// <inheritdoc/>
    protected internal override bool ReadsOtherTokens => true;

    /// <inheritdoc/>
    protected internal override bool IsBeside => true;

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => _classifier.ExpertsAreInFile;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter.Replace('-', '.');

    /// <summary>Not defined: each token has a weight of its own.</summary>
    /// <exception cref="PeftException">Always.</exception>
    protected internal override Tensor Materialize(Tensor weight) => throw XLoraClassifier.NoWeight(Path);

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var y = below.Forward(x);
        if (_classifier.SharesOf(_number, x.size(0), Path, below.Context) is not { } shares)
        {
            return y;
        }

        foreach (var (index, part) in _experts)
        {
            y = y + part.Factors.Apply(part.Factors.Dropped(x, below.Context), shares.narrow(1, index, 1));
            if (part.BiasUpdate is { } bias)
            {
                y = y + InTypeOf(x, bias * _classifier.GlobalWeight); // as in HF PEFT, whatever the share
            }
        }

        return y;
    }
}

/// <summary>X-LoRA on an embedding table: <c>e(i) = E[i] + g·Σₖ σₖ·sₖ·Bₖ·Aₖ[:, i]</c>.</summary>
public sealed class XLoraEmbedding : EmbeddingAdapter
{
    private readonly XLoraClassifier _classifier;
    private readonly IReadOnlyList<(int Index, Tensor A, Tensor B, double Scale)> _experts;
    private readonly int _number;

    internal XLoraEmbedding(EmbeddingLayer target, XLoraClassifier classifier, IReadOnlyList<(int Index, LoraEmbedding Part)> experts, int number)
        : base(target)
    {
        (_classifier, _number) = (classifier, number);
        _experts = [.. experts.Select(e => (e.Index, ((ILowRankPart)e.Part).Factors.A, ((ILowRankPart)e.Part).Factors.B, ((ILowRankPart)e.Part).Factors.Scale))];
        foreach (var (index, part) in experts)
        {
            foreach (var (name, parameter) in part.named_parameters())
            {
                register_parameter($"{name}-{index}", parameter);
            }
        }
    }

    /// <inheritdoc/>
    protected internal override bool ReadsOtherTokens => true;

    /// <inheritdoc/>
    protected internal override bool IsBeside => true;

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => _classifier.ExpertsAreInFile;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter.Replace('-', '.');

    /// <summary>Not defined: each token has a table of its own.</summary>
    /// <exception cref="PeftException">Always.</exception>
    protected internal override Tensor Materialize(Tensor weight) => throw XLoraClassifier.NoWeight(Path);

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor ids, EmbeddingCall below)
    {
        var rows = below.Forward(ids); // (n, d)
        if (_classifier.SharesOf(_number, ids.size(0), Path, below.Context) is not { } shares)
        {
            return rows;
        }

        foreach (var (index, a, b, scale) in _experts)
        {
            var low = a.t().index_select(0, ids).mul(shares.narrow(1, index, 1) * scale); // (n, r)
            rows = rows + InTypeOf(rows, low.mm(b.t()));
        }

        return rows;
    }
}
