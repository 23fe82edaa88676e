using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>A model over one row of tokens a text.</summary>
public abstract class TextBackbone : Backbone
{
    private protected TextBackbone(ModelConfig config, WeightSource source)
        : base(config, source)
    {
    }

    /// <summary>Longest input, in tokens.</summary>
    public abstract int MaxLength { get; }

    /// <summary>Rows of the token table: ids must be below.</summary>
    public abstract int VocabularySize { get; }
}
