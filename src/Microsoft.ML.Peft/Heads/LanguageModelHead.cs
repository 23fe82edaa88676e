using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>A head that can continue rows of tokens, one token at a time.</summary>
public abstract class LanguageModelHead : Head
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => [];

    /// <summary>Count of scores: ids are below.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>Longest row, in tokens.</summary>
    public abstract int MaxLength { get; }

    /// <summary>The id that every new row starts with, for a model whose output rows do not start with the prompt; else null.</summary>
    public abstract int? StartToken { get; }

    /// <summary>True if what is remembered of earlier tokens is of no use to a row of this length, which must be given whole. Default: never.</summary>
    public virtual bool ForgetsAt(long length) => false;

    /// <summary>Scores of the token after the last one of each row.</summary>
    /// <param name="inputs">The prompt, and <see cref="ModelInputs.DecoderTokens"/> where <see cref="StartToken"/> is there; after
    /// the first call the new tokens alone.</param>
    /// <param name="context">Adapters of the call.</param>
    /// <param name="cache">What is remembered of earlier calls.</param>
    /// <returns>(batch, vocabulary).</returns>
    public abstract Tensor Next(ModelInputs inputs, ForwardContext context, KeyValueCache cache);
}
