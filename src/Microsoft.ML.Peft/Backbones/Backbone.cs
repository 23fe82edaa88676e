using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>A frozen base model over tokens; immutable once built, so that any number of threads and adapters share it.</summary>
public abstract class Backbone
{
    private protected Backbone(ModelConfig config, WeightSource source)
    {
        Config = config;
        Layers = source.Layers;
    }

    /// <summary>The configuration it was built from.</summary>
    public ModelConfig Config { get; }

    /// <summary>Every layer, heads included, in order of computation.</summary>
    public LayerList Layers { get; }

    /// <summary>Prefix of the base model's names in a checkpoint, with its dot.</summary>
    public abstract string Root { get; }

    /// <summary>Width of the hidden states.</summary>
    public abstract int HiddenSize { get; }

    /// <summary>Longest input, in tokens.</summary>
    public abstract int MaxLength { get; }

    /// <summary>Rows of the token table: ids must be below.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>Layer names that adapters go on where the user names none, as in HF PEFT.</summary>
    public abstract IReadOnlyList<string> DefaultTargets { get; }

    /// <summary>Prefixes of tensors that a checkpoint may have and that this model does without.</summary>
    public abstract IReadOnlyList<string> IgnoredTensors { get; }

    /// <summary>Hidden states of the last block.</summary>
    /// <param name="batch">Token ids, padded.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <param name="firstTokenOnly">Compute the last block for the first token of each row only: what a head that pools
    /// that token needs, equal to the whole computation.</param>
    /// <returns>(batch·length, hidden), or (batch, hidden).</returns>
    public abstract Tensor Forward(TokenBatch batch, ForwardContext context, bool firstTokenOnly);

    /// <summary>Builds the architecture that a configuration names.</summary>
    /// <exception cref="PeftException">The architecture is not supported.</exception>
    internal static Backbone Create(ModelConfig config, WeightSource source)
        => config.ModelType switch
        {
            "bert" => new Bert(config, source),
            var other => throw new PeftException($"config.json's model_type is '{other}', which is not supported; supported are: bert."),
        };
}
