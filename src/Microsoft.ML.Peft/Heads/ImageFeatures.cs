using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>The hidden states of a picture's tokens themselves, after the last norm, for a loss of the caller.</summary>
[HeadFor(HeadKind.FeatureExtraction, typeof(VisionEncoder))]
public sealed class ImageFeatures : Head
{
    private readonly VisionEncoder _backbone;

    /// <summary>Builds the head on its backbone.</summary>
    public ImageFeatures(VisionEncoder backbone, WeightSource source, int? classes)
    {
        if (classes is not null)
        {
            throw new ArgumentOutOfRangeException(nameof(classes), classes, "Feature extraction has no classes; leave their count out.");
        }

        _ = source; // this head has no weights
        _backbone = backbone;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => [];

    /// <inheritdoc/>
    public override string TaskType => "FEATURE_EXTRACTION";

    /// <inheritdoc/>
    /// <remarks>Gives <c>last_hidden_state</c> (batch, tokens, hidden).</remarks>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var pixels = inputs.Values.Required("pixels");
        return new("last_hidden_state", _backbone.Forward(pixels, context).view(pixels.size(0), -1, _backbone.HiddenSize));
    }

    /// <summary>Refused: the hidden states alone have no loss.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override Tensor Loss(ModelOutput output, Targets targets)
        => throw new NotSupportedException("Feature extraction has no loss of its own; compute one from last_hidden_state.");
}
