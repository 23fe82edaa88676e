using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>A model that maps pictures and texts into one space.</summary>
public abstract class ImageTextEncoder : Backbone
{
    private protected ImageTextEncoder(ModelConfig config, WeightSource source)
        : base(config, source)
    {
    }

    /// <summary>Width of the shared space.</summary>
    public abstract int ProjectionSize { get; }

    /// <summary>Longest text, in tokens.</summary>
    public abstract int MaxLength { get; }

    /// <summary>Rows of the token table: ids must be below.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>Vectors of texts (texts, <see cref="ProjectionSize"/>), not normalized.</summary>
    public abstract Tensor EncodeTexts(TokenBatch texts, ForwardContext context);

    /// <summary>Vectors of pictures (pictures, <see cref="ProjectionSize"/>), not normalized.</summary>
    public abstract Tensor EncodeImages(Tensor pixels, ForwardContext context);

    /// <summary>Logarithm of the factor on the cosine similarities, a scalar.</summary>
    public abstract Tensor LogitScale { get; }
}
