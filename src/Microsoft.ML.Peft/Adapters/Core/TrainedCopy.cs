using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A full copy of a layer in place of the layer: HF PEFT's <c>modules_to_save</c>, such as a new head.</summary>
/// <remarks>The base model keeps its own numbers, so that several adapters can each bring their own head.</remarks>
public sealed class TrainedCopy : LinearAdapter
{
    private readonly Parameter weight; // (out, in)
    private readonly Parameter? bias; // (out)
    private readonly string _filePrefix;

    /// <summary>Copies a linear layer; <paramref name="trained"/> false saves it with the adapter without training it.</summary>
    public TrainedCopy(LinearLayer target, bool trained, string filePrefix = "")
        : base(target)
    {
        _filePrefix = filePrefix;
        weight = Copy(target.FrozenWeight, trained);
        bias = target.Bias is null ? null : Copy(target.Bias, trained);
        RegisterComponents();
    }

    /// <summary>Copies a layer of any kind.</summary>
    /// <exception cref="PeftException">The layer has no weight of its own.</exception>
    /// <param name="layer">The layer.</param>
    /// <param name="trained">False to save it without training it.</param>
    /// <param name="filePrefix">What stands before the names of its tensors in files.</param>
    internal static LayerAdapter Of(Layer layer, bool trained, string filePrefix = "") => layer switch
    {
        LinearLayer linear => new TrainedCopy(linear, trained, filePrefix),
        EmbeddingLayer table => new OfTable(table, trained, filePrefix),
        ExpertLayer experts => new OfExperts(experts, trained),
        { FrozenWeight: not null } => new OfWeights(layer, trained, filePrefix),
        _ => throw new PeftException($"modules_to_save names '{layer.Path}', which has no weight that could be copied."),
    };

    /// <summary>True for a copy of a layer of any kind.</summary>
    internal static bool IsCopy(LayerAdapter part) => part is TrainedCopy or OfTable or OfWeights or OfExperts;

    /// <summary>A second copy with the numbers of a copy.</summary>
    internal static LayerAdapter Again(LayerAdapter copy)
    {
        var again = Of(copy.Target, copy.parameters().All(p => p.requires_grad));
        using var _ = no_grad();
        foreach (var (to, from) in again.parameters().Zip(copy.parameters()))
        {
            to.copy_(from);
        }

        return again;
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => _filePrefix + parameter;

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor _) => weight;

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? _) => bias;

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below) => nn.functional.linear(x.to(weight.dtype), weight, bias);

    private static Parameter Copy(Tensor tensor, bool trained)
    {
        var copy = tensor.to(ScalarType.Float32, copy: true);
        return trained ? Trainable(copy) : Frozen(copy);
    }

    private sealed class OfTable : EmbeddingAdapter
    {
        private readonly Parameter weight; // (rows, dim)
        private readonly string _filePrefix;

        public OfTable(EmbeddingLayer target, bool trained, string filePrefix)
            : base(target)
        {
            _filePrefix = filePrefix;
            weight = Copy(target.Weight, trained);
            RegisterComponents();
        }

        protected internal override string FileName(string parameter) => _filePrefix + parameter;

        protected internal override Tensor Materialize(Tensor _) => weight;
    }

    private sealed class OfExperts : ExpertAdapter
    {
        private readonly Parameter weight; // (experts, out, in)

        public OfExperts(ExpertLayer target, bool trained)
            : base(target)
        {
            weight = Copy(target.Weight, trained);
            RegisterComponents();
        }

        protected internal override string FileName(string parameter) => "";

        protected internal override string FileKey(string prefix, string parameter) => prefix + Path; // the tensor has no name of its own

        protected internal override Tensor Materialize(Tensor _) => weight;

        protected internal override Tensor MaterializeExpert(Tensor _, int expert) => weight.select(0, expert);
    }

    private sealed class OfWeights : WeightAdapter
    {
        private readonly Parameter weight;
        private readonly Parameter? bias;
        private readonly string _filePrefix;

        public OfWeights(Layer target, bool trained, string filePrefix)
            : base(target)
        {
            _filePrefix = filePrefix;
            weight = Copy(target.FrozenWeight!, trained);
            bias = target.FrozenBias is null ? null : Copy(target.FrozenBias, trained);
            RegisterComponents();
        }

        protected internal override string FileName(string parameter) => _filePrefix + parameter;

        protected internal override Tensor Materialize(Tensor _) => weight;

        protected internal override Tensor? MaterializeBias(Tensor? _) => bias;
    }
}
