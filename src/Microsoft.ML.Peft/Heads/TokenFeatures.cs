using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>The hidden states of the last block themselves, for a loss of the caller.</summary>
[HeadFor(HeadKind.FeatureExtraction, typeof(TextEncoder))]
public sealed class TokenFeatures : Head
{
    private readonly TextEncoder _backbone;

    /// <summary>Builds the head on its backbone.</summary>
    public TokenFeatures(TextEncoder backbone, WeightSource source, int? classes)
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
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var tokens = inputs.Tokens.Required("tokens");
        return new("last_hidden_state", _backbone.Forward(tokens, context).view(tokens.Rows, tokens.Length, _backbone.HiddenSize));
    }

    /// <summary>Refused: the hidden states alone have no loss.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override Tensor Loss(ModelOutput output, Targets targets)
        => throw new NotSupportedException("Feature extraction has no loss of its own; compute one from last_hidden_state.");
}
