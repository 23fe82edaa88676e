using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Writing a text from a source: a score for each token of the vocabulary after each token of the text.</summary>
/// <remarks>While learning the decoder is shown the labels shifted right (<see cref="EncoderDecoder.ShiftRight"/>).</remarks>
[HeadFor(HeadKind.SequenceToSequence, typeof(EncoderDecoder))]
public sealed class SequenceToSequence : LanguageModelHead
{
    private readonly EncoderDecoder _backbone;

    /// <summary>Builds the head on its backbone.</summary>
    public SequenceToSequence(EncoderDecoder backbone, WeightSource source, int? classes)
    {
        if (classes is not null)
        {
            throw new ArgumentOutOfRangeException(nameof(classes), classes, "A model that writes text has no classes; leave their count out.");
        }

        _ = source; // this head has no weights of its own
        _backbone = backbone;
    }

    /// <inheritdoc/>
    public override string TaskType => "SEQ_2_SEQ_LM";

    /// <inheritdoc/>
    public override int VocabularySize => _backbone.VocabularySize;

    /// <inheritdoc/>
    public override int MaxLength => _backbone.MaxTargetLength;

    /// <inheritdoc/>
    public override int? StartToken => _backbone.StartId;

    /// <inheritdoc/>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var target = inputs.DecoderTokens.Required("tokens for the decoder");
        var source = _backbone.Encode(inputs, context);
        var scores = _backbone.Scores(_backbone.Decode(target, source, context), context);
        var length = context.DecoderPromptLength;
        return new("logits", scores.view(target.Rows, length + target.Length, _backbone.VocabularySize))
        {
            TargetsOf = labels => context.Targets(labels, length),
        };
    }

    /// <inheritdoc/>
    public override Tensor Next(ModelInputs inputs, ForwardContext context, KeyValueCache cache)
    {
        var target = inputs.DecoderTokens.Required("tokens for the decoder");
        var source = cache.Source ?? cache.Keep(_backbone.Encode(inputs, context));
        var hidden = _backbone.Decode(target, source, context, cache);
        return _backbone.Scores(hidden.view(target.Rows, -1, hidden.size(1)).select(1, -1), context);
    }

    /// <inheritdoc/>
    public override Tensor Loss(ModelOutput output, Targets targets)
    {
        var (labels, weights) = output.TargetsOf(targets.RequiredLabels);
        return Losses.Tokens(output.Logits, labels, weights);
    }
}
