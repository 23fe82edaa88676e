using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Heads;

/// <summary>The hidden states of a recording's frames after the last block.</summary>
[HeadFor(HeadKind.FeatureExtraction, typeof(SpeechEncoder))]
public sealed class FrameFeatures : FeatureHead
{
    private readonly SpeechEncoder _backbone;

    /// <summary>Builds the head on its backbone.</summary>
    public FrameFeatures(SpeechEncoder backbone, WeightSource source, int? classes)
        : base(classes)
    {
        _ = source; // this head has no weights
        _backbone = backbone;
    }

    /// <inheritdoc/>
    /// <remarks>Gives <c>last_hidden_state</c> (batch, frames, hidden).</remarks>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var states = _backbone.Forward(inputs.Values.Required("samples"), inputs.ValueLengths, context);
        return new("last_hidden_state", states.Hidden.view(states.Rows, states.Frames, _backbone.OutputSize));
    }
}
