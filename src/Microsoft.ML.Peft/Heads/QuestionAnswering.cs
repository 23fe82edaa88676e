using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Where in a text an answer starts and ends: two scores for each token, <c>W·drop(h) + b</c>.</summary>
[HeadFor(HeadKind.QuestionAnswering, typeof(TextEncoder))]
public sealed class QuestionAnswering : Head
{
    private readonly TextEncoder _backbone;
    private readonly LinearLayer _output;

    /// <summary>Builds the head on its backbone.</summary>
    public QuestionAnswering(TextEncoder backbone, WeightSource source, int? classes)
    {
        if (classes is not (null or 2))
        {
            throw new ArgumentOutOfRangeException(nameof(classes), classes, "Question answering has two scores for each token; leave the count of classes out.");
        }

        _backbone = backbone;
        _output = source.LinearOrNew("qa_outputs", backbone.HiddenSize, 2);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => ["qa_outputs"];

    /// <inheritdoc/>
    public override string TaskType => "QUESTION_ANS";

    /// <inheritdoc/>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var tokens = inputs.Tokens.Required("tokens");
        var hidden = context.Dropout(_backbone.Forward(tokens, context), _backbone.AnswerDropout);
        var scores = _output.Forward(hidden, context).view(tokens.Rows, -1, 2);
        return new(("start_logits", scores.select(2, 0)), ("end_logits", scores.select(2, 1)));
    }

    /// <inheritdoc/>
    public override Tensor Loss(ModelOutput output, Targets targets) => Losses.Span(
        output["start_logits"],
        output["end_logits"],
        targets.StartPositions.Required("start_positions"),
        targets.EndPositions.Required("end_positions"));
}
