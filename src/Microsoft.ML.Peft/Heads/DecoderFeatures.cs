using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Heads;

/// <summary>The hidden states of a text's tokens after a decoder's last norm, each of which has seen the tokens before it.</summary>
[HeadFor(HeadKind.FeatureExtraction, typeof(Decoder))]
public sealed class DecoderFeatures : FeatureHead
{
    private readonly Decoder _backbone;

    /// <summary>Builds the head on its backbone.</summary>
    public DecoderFeatures(Decoder backbone, WeightSource source, int? classes)
        : base(classes)
    {
        _ = source; // this head has no weights
        _backbone = backbone;
    }

    /// <inheritdoc/>
    /// <remarks>Gives <c>last_hidden_state</c> (batch, length, hidden).</remarks>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var tokens = inputs.Tokens.Required("tokens");
        return new("last_hidden_state", _backbone.Forward(tokens, context).view(tokens.Rows, tokens.Length, _backbone.OutputSize));
    }
}
