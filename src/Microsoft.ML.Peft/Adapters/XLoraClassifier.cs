using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>What <see cref="XLora"/> mixes its experts by: a network over the hidden states of a first pass, in which every expert has the same share.</summary>
/// <remarks>
/// <para>Depth 1: <c>z = V·h + v</c>; more: linear layers of the width <c>xlora_size</c> with relu and dropout before it. <c>σ = softmax(z/T)</c>, then, if
/// <c>top_k_lora</c> is set, the k largest of a token and layer, and if <c>enable_softmax_topk</c> is set, a softmax over those.</para>
/// <para>Shapes: h (tokens, hidden), the base model's last hidden states; z (tokens, experts), or (tokens, layers·experts) if <c>layerwise_scalings</c>.</para>
/// <para>The first pass has no gradient. It is run once a pass, when the first adapted layer asks.</para>
/// </remarks>
public sealed class XLoraClassifier : ModelAdapter
{
    private readonly XLoraOptions _options;
    private readonly Backbone _backbone;
    private readonly List<(Parameter Weight, Parameter Bias)> _layers = [];
    private readonly ConditionalWeakTable<ForwardContext, XLoraPass> _passes = [];
    private readonly int _adapted;

    internal XLoraClassifier(XLoraOptions options, IReadOnlyList<AdapterSet> experts, int adapted, AdapterBuild build)
        : base("X-LoRA's classifier")
    {
        (_options, _backbone, Experts, _adapted) = (options, build.Backbone, experts, adapted);
        long outputs = experts.Count * (options.Layerwise ? adapted : 1);
        long width = _backbone.HiddenSize;
        var place = 0;
        for (var depth = 1; depth <= options.Depth; depth++)
        {
            var next = depth == options.Depth ? outputs : options.Size;
            var (weight, bias) = (Trainable(build.Initialization.KaimingUniform(next, width)), Trainable(build.Initialization.Uniform(1 / Math.Sqrt(width), next)));
            register_parameter(string.Create(CultureInfo.InvariantCulture, $"{place}-weight"), weight);
            register_parameter(string.Create(CultureInfo.InvariantCulture, $"{place}-bias"), bias);
            _layers.Add((weight, bias));
            width = next;
            place += options.Dropout > 0 ? 3 : 2; // the relu and the dropout are counted, too
        }
    }

    /// <summary>The LoRA adapters that it mixes, in the order of its outputs.</summary>
    public IReadOnlyList<AdapterSet> Experts { get; }

    /// <summary>g.</summary>
    internal double GlobalWeight => _options.GlobalScalingWeight;

    /// <summary>True where the numbers of the experts come with those of the classifier, not from folders of their own.</summary>
    internal bool ExpertsAreInFile => _options.ExpertsAreInFile;

    /// <inheritdoc/>
    protected internal override bool ReadsOtherTokens => true;

    /// <inheritdoc/>
    protected internal override bool ReadsWholeInput => true;

    /// <inheritdoc/>
    protected internal override string FileName(string parameter)
        => parameter.Length == 0 ? "" : $"internal_xlora_classifier.layers.{parameter.Replace('-', '.')}";

    /// <summary>The shares of the last pass of a context before any choice of the largest: (tokens, layers, experts), with one layer for all unless they differ;
    /// null before the first one.</summary>
    /// <param name="context">The context of the pass.</param>
    public Tensor? ScalingsOf(ForwardContext context) => _passes.TryGetValue(context, out var pass) ? pass.Scalings : null;

    /// <summary>The shares of a layer, times g: (tokens, experts), or null where every expert has the share 0.</summary>
    internal Tensor? SharesOf(int layer, long tokens, string path, ForwardContext context)
    {
        var pass = Of(context);
        if (pass.Fixed is { } value)
        {
            return value == 0 ? null : Chosen(full([tokens, Experts.Count], value, ScalarType.Float32, _layers[0].Weight.device));
        }

        var scalings = pass.Scalings!;
        return scalings.size(0) == tokens
            ? Chosen(scalings.select(1, _options.Layerwise ? layer : 0))
            : throw new PeftException(
                $"'{path}' sees {tokens} tokens and the classifier of X-LoRA has read {scalings.size(0)}; leave the layer out of the targets of the experts, which need layers that see each token.");
    }

    internal static PeftException NoWeight(string path)
        => new($"X-LoRA has a weight for each token and none for all of '{path}'; no method that needs the whole weight can stand on it.");

    private XLoraPass Of(ForwardContext context)
    {
        if (_passes.TryGetValue(context, out var pass) && (pass.Fixed is not null || pass.Number == context.Pass))
        {
            return pass;
        }

        var scalings = Classify(FirstPass(context), context);
        if (pass is null)
        {
            _passes.Add(context, pass = new());
            context.Closed += pass.Dispose;
        }

        pass.Begin(context.Pass, scalings);
        return pass;
    }

    private Tensor FirstPass(ForwardContext context)
    {
        var inputs = context.Inputs ?? throw new PeftException("X-LoRA reads the whole input before it acts, and the backbone was called without one; run PretrainedModel.Forward.");
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using var first = context.Again();
        using var cache = context.CountsRealTokens ? new KeyValueCache() : null;
        _passes.Add(first, new() { Fixed = _options.ScalingPassValue });
        first.Enter(inputs);
        var hidden = (_backbone, inputs.Tokens) switch
        {
            (Decoder decoder, { } tokens) => decoder.Forward(tokens, first, cache),
            (TextEncoder encoder, { } tokens) => encoder.Forward(tokens, first),
            _ => throw new PeftException("X-LoRA reads the hidden states of tokens; give the model a batch of them."),
        };
        return hidden.MoveToOuterDisposeScope();
    }

    private Tensor Classify(Tensor hidden, ForwardContext context)
    {
        using var scope = NewDisposeScope();
        var z = hidden.to(ScalarType.Float32);
        for (var k = 0; k < _layers.Count; k++)
        {
            z = k == 0 ? z : context.Dropout(relu(z), _options.Dropout);
            z = linear(z, _layers[k].Weight, _layers[k].Bias);
        }

        z = z.view(z.size(0), _options.Layerwise ? _adapted : 1, Experts.Count);
        return (_options.EnableSoftmax ? softmax(z / _options.Temperature, -1) : z).DetachFromDisposeScope();
    }

    private Tensor Chosen(Tensor shares)
    {
        if (_options.TopK is { } k)
        {
            var (_, largest) = shares.topk(k, -1);
            shares = shares * zeros_like(shares).scatter(-1, largest, ones(largest.shape, shares.dtype, shares.device));
        }

        if (_options.EnableSoftmaxTopK)
        {
            var none = shares.eq(0);
            shares = softmax(shares.masked_fill(none, double.NegativeInfinity), -1).masked_fill(none, 0);
        }

        return GlobalWeight == 1 ? shares : shares * GlobalWeight;
    }
}

/// <summary>What X-LoRA knows of the pass of a context.</summary>
internal sealed class XLoraPass : IDisposable
{
    /// <summary>The share of every expert in a first pass, or null in a second one.</summary>
    public double? Fixed { get; init; }

    /// <summary>Which pass of the context it is.</summary>
    public long Number { get; private set; }

    /// <summary>(tokens, layers or 1, experts).</summary>
    public Tensor? Scalings { get; private set; }

    public void Begin(long number, Tensor scalings)
    {
        Scalings?.Dispose();
        (Number, Scalings) = (number, scalings);
    }

    public void Dispose() => Scalings?.Dispose();
}
