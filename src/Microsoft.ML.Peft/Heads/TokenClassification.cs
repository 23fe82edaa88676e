using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Classes of single tokens: <c>logits = W·drop(h) + b</c>.</summary>
[HeadFor(HeadKind.TokenClassification, typeof(TextEncoder))]
public sealed class TokenClassification : Head
{
    private readonly TextEncoder _backbone;
    private readonly LinearLayer _output;

    /// <summary>Builds the head on its backbone.</summary>
    public TokenClassification(TextEncoder backbone, WeightSource source, int? classes)
    {
        Classes = classes ?? backbone.Config.ClassCount;
        _backbone = backbone;
        _output = source.LinearOrNew("classifier", backbone.HiddenSize, Classes);
    }

    /// <summary>Count of classes.</summary>
    public int Classes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => ["classifier", "score"];

    /// <inheritdoc/>
    public override string TaskType => "TOKEN_CLS";

    /// <inheritdoc/>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var tokens = inputs.Tokens.Required("tokens");
        var hidden = context.Dropout(_backbone.Forward(tokens, context), _backbone.TokenDropout);
        return new("logits", _output.Forward(hidden, context).view(tokens.Rows, -1, Classes))
        {
            TargetsOf = labels => context.Targets(labels, context.PromptLength),
        };
    }

    /// <inheritdoc/>
    public override Tensor Loss(ModelOutput output, Targets targets) => Losses.Tokens(output.Logits, output.TargetsOf(targets.RequiredLabels).Labels);
}
