using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Sequence classification over a decoder's last token that is no padding: <c>logits = W·h</c>.</summary>
[HeadFor(HeadKind.SequenceClassification, typeof(Decoder))]
public sealed class LastTokenClassification : Head
{
    private readonly Decoder _backbone;
    private readonly LinearLayer _output;

    /// <summary>Builds the head on its backbone.</summary>
    public LastTokenClassification(Decoder backbone, WeightSource source, int? classes)
    {
        Classes = classes ?? backbone.Config.ClassCount;
        _backbone = backbone;
        _output = source.LinearOrNew("score", backbone.OutputSize, Classes, bias: false);
    }

    /// <summary>Count of classes; 1 is a regression.</summary>
    public int Classes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => ["classifier", "score"];

    /// <inheritdoc/>
    public override string TaskType => "SEQ_CLS";

    /// <inheritdoc/>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var tokens = inputs.Tokens.Required("tokens");
        var hidden = _backbone.Forward(tokens, context);
        var (rows, prompts) = (tokens.Rows, context.PromptLength);
        var length = prompts + tokens.Length;
        Tensor last;
        if (tokens.Mask is null)
        {
            last = hidden.view(rows, length, -1).select(1, length - 1);
        }
        else
        {
            var ends = tokens.Mask.view(rows, tokens.Length).mul(arange(tokens.Length, ScalarType.Int64, hidden.device)).argmax(1);
            last = hidden.index_select(0, ends.add(prompts).add(arange(rows, ScalarType.Int64, hidden.device).mul(length)));
        }

        return new("logits", _output.Forward(last, context));
    }

    /// <inheritdoc/>
    public override Tensor Loss(ModelOutput output, Targets targets) => Losses.Classification(output.Logits, targets.RequiredLabels, Classes);
}
