using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>A frozen base model; immutable once built, so that any number of threads and adapters share it.</summary>
public abstract class Backbone
{
    private protected Backbone(ModelConfig config, WeightSource source)
    {
        Config = config;
        Layers = source.Layers;
        Blocks = source.Blocks;
    }

    /// <summary>The configuration it was built from.</summary>
    public ModelConfig Config { get; }

    /// <summary>Every layer, those of the head included, in order of computation.</summary>
    public LayerList Layers { get; }

    /// <summary>Its transformer blocks, in order.</summary>
    public IReadOnlyList<BlockSite> Blocks { get; }

    /// <summary>Sizes of trained tokens, or null for a model that takes none.</summary>
    public virtual PromptShape? Prompts => null;

    /// <summary>Sizes of trained tokens among the patches of a picture, or null for a model that takes none.</summary>
    public virtual PatchPromptShape? PatchPrompts => null;

    /// <summary>Prefix of the base model's names in a checkpoint, with its dot.</summary>
    public abstract string Root { get; }

    /// <summary>Width of the hidden states.</summary>
    public abstract int HiddenSize { get; }

    /// <summary>Layer names that adapters go on where the user names none, as in HF PEFT; empty where the user must name them.</summary>
    public abstract IReadOnlyList<string> DefaultTargets { get; }

    /// <summary>Layer names that a method goes on where the user names none: as in HF PEFT where that has some, else chosen alike.</summary>
    /// <param name="method">The method as <c>peft_type</c> names it, for example <c>LORA</c>, <c>IA3</c> or <c>LN_TUNING</c>.</param>
    /// <returns>Names; for most methods those of <see cref="DefaultTargets"/>.</returns>
    public IReadOnlyList<string> TargetsOf(string method) => MethodTargets.Of(method, this);

    /// <summary>Which of the layers of <c>TargetsOf("IA3")</c> that method scales at their input: <c>feedforward_modules</c>.</summary>
    public IReadOnlyList<string> FeedForwardTargets => MethodTargets.FeedForwardOf(this);

    /// <summary>The table of the input tokens, or null for a model that takes none.</summary>
    public virtual EmbeddingLayer? InputEmbedding => null;

    /// <summary>How newer versions of transformers call the modules whose names on disk are others: patterns and what replaces
    /// them, applied one after the other by <see cref="ModulePaths"/>. Empty where the names are the same.</summary>
    public virtual IReadOnlyList<(string Pattern, string Replacement)> Renames => [];

    /// <summary>Prefixes of tensors that a checkpoint may have and that a model of another task does without.</summary>
    public abstract IReadOnlyList<string> IgnoredTensors { get; }
}
