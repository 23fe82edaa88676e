using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Heads;

/// <summary>The hidden states of a text's tokens after the last block.</summary>
[HeadFor(HeadKind.FeatureExtraction, typeof(TextEncoder))]
public sealed class TokenFeatures : FeatureHead
{
    private readonly TextEncoder _backbone;

    /// <summary>Builds the head on its backbone.</summary>
    public TokenFeatures(TextEncoder backbone, WeightSource source, int? classes)
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
        return new("last_hidden_state", _backbone.Forward(tokens, context).view(tokens.Rows, -1, _backbone.HiddenSize));
    }
}
