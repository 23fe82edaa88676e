using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Heads;

/// <summary>The hidden states of a picture's tokens after the last norm.</summary>
[HeadFor(HeadKind.FeatureExtraction, typeof(VisionEncoder))]
public sealed class ImageFeatures : FeatureHead
{
    private readonly VisionEncoder _backbone;

    /// <summary>Builds the head on its backbone.</summary>
    public ImageFeatures(VisionEncoder backbone, WeightSource source, int? classes)
        : base(classes)
    {
        _ = source; // this head has no weights
        _backbone = backbone;
    }

    /// <inheritdoc/>
    /// <remarks>Gives <c>last_hidden_state</c> (batch, tokens, hidden).</remarks>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var pixels = inputs.Values.Required("pixels");
        return new("last_hidden_state", _backbone.Forward(pixels, context).view(pixels.size(0), -1, _backbone.HiddenSize));
    }
}
