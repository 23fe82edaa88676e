using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Heads;

/// <summary>The hidden states of a spectrogram's tokens after the last norm.</summary>
[HeadFor(HeadKind.FeatureExtraction, typeof(Ast))]
public sealed class SpectrogramFeatures : FeatureHead
{
    private readonly Ast _backbone;

    /// <summary>Builds the head on its backbone.</summary>
    public SpectrogramFeatures(Ast backbone, WeightSource source, int? classes)
        : base(classes)
    {
        _ = source; // this head has no weights
        _backbone = backbone;
    }

    /// <inheritdoc/>
    /// <remarks>Gives <c>last_hidden_state</c> (batch, tokens, hidden).</remarks>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var spectrogram = inputs.Values.Required("a spectrogram");
        return new("last_hidden_state", _backbone.Forward(spectrogram, context).view(spectrogram.size(0), -1, _backbone.HiddenSize));
    }
}
