using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>A backbone with a head, built from a checkpoint: frozen, shared, without adapters.</summary>
public sealed class PretrainedModel : IDisposable
{
    private PretrainedModel(Backbone backbone, Head head, WeightSource source)
        => (Backbone, Head, NewLayers, StoredTypes) = (backbone, head, source.NewLayers, source.StoredTypes);

    /// <summary>The part without the head.</summary>
    public Backbone Backbone { get; }

    /// <summary>The head.</summary>
    public Head Head { get; }

    /// <summary>Every layer in order of computation.</summary>
    public LayerList Layers => Backbone.Layers;

    /// <summary>Paths of layers that the checkpoint had not and that were drawn anew.</summary>
    public IReadOnlyList<string> NewLayers { get; }

    /// <summary>Type in which each tensor of the checkpoint was stored, by its name in the model.</summary>
    internal IReadOnlyDictionary<string, ScalarType> StoredTypes { get; }

    /// <summary>Builds a model from a Hugging Face folder.</summary>
    /// <param name="folder">config.json and *.safetensors.</param>
    /// <param name="kind">The head.</param>
    /// <param name="classes">Count of classes, for heads that have some: a head of another count is left aside and a new one made; null for the
    /// checkpoint's own head, or a new one as config.json describes it where there is none.</param>
    /// <param name="seed">Seed of layers that the checkpoint has not.</param>
    /// <param name="placement">Device and precision; null for Float32 on the CPU.</param>
    /// <exception cref="ModelFormatException">The folder does not hold a valid model.</exception>
    /// <exception cref="PeftException">The architecture does not have such a head.</exception>
    public static PretrainedModel Load(string folder, HeadKind kind, int? classes = null, long seed = 0, Placement? placement = null)
    {
        var config = ModelConfig.Load(folder);
        using var weights = WeightFolder.Open(folder);
        return Build(folder, config, weights.Entries, weights.ReadInto, kind, classes, seed, placement);
    }

    /// <summary>Builds the layers that a configuration describes, without weights: each is one zero that stands for all, so that a model of any
    /// size can be asked for its layers and for what an adapter on it would cost.</summary>
    /// <param name="config">config.json.</param>
    /// <param name="kind">The head.</param>
    /// <param name="classes">Count of classes, for heads that have some; null for as many as config.json says.</param>
    /// <exception cref="PeftException">The architecture is not supported or does not have such a head.</exception>
    public static PretrainedModel WithoutWeights(ModelConfig config, HeadKind kind, int? classes = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        return Build("config.json", config, new Dictionary<string, SafetensorsEntry>(), (_, _) => { }, kind, classes, seed: 0, shapesOnly: true);
    }

    /// <summary>The output of a batch.</summary>
    public ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        context.Enter(inputs);
        using var scope = NewDisposeScope(); // hidden states that the backward pass does not need go at once
        var output = Head.Forward(inputs, context);
        foreach (var name in output.Names)
        {
            output[name].MoveToOuterDisposeScope();
        }

        return output;
    }

    /// <summary>The mean loss (a scalar) of a batch.</summary>
    /// <remarks>Takes less memory than <see cref="Forward"/> and the head's loss: the output is gone when the backward pass begins.</remarks>
    public Tensor Loss(ModelInputs inputs, Targets targets, ForwardContext context)
    {
        context.Enter(inputs);
        using var scope = NewDisposeScope();
        return Head.Loss(Head.Forward(inputs, context), targets).MoveToOuterDisposeScope();
    }

    /// <summary>Frees the weights at once.</summary>
    public void Dispose()
    {
        foreach (var (_, tensor) in Layers.SelectMany(l => l.Tensors()))
        {
            tensor.Dispose();
        }
    }

    internal static PretrainedModel Build(
        string name,
        ModelConfig config,
        IReadOnlyDictionary<string, SafetensorsEntry> entries,
        Action<string, Tensor> readInto,
        HeadKind kind,
        int? classes,
        long seed,
        Placement? placement = null,
        bool shapesOnly = false)
    {
        if (config.Has("quantization_config"))
        {
            throw new ModelFormatException(
                name, ModelFormatError.Unsupported, "its weights are quantised (config.json has 'quantization_config'), which is not supported; use the model as it was before.");
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var source = new WeightSource(name, entries, readInto, seed, config.Number("initializer_range", 0, 10, 0.02), placement)
        {
            ReplacesHeads = classes is not null,
            ShapesOnly = shapesOnly,
        };
        var backbone = BackboneRegistry.Create(config, source);
        var head = HeadRegistry.Create(kind, backbone, source, classes);
        source.Finish([.. backbone.IgnoredTensors]);
        if (backbone.Renames.Count > 0)
        {
            source.Layers.RenameBy(new ModulePaths(backbone.Renames).Newer);
        }

        return new PretrainedModel(backbone, head, source);
    }
}
