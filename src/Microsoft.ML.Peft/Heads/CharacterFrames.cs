using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Speech recognition by connectionist temporal classification: a score per character for each frame, <c>logits = W·drop(h) + b</c>.</summary>
/// <remarks>The loss is −log of the probability of all ways in which the frames can spell the labels, the padding character standing for
/// «nothing new». Source: Graves et al. 2006.</remarks>
[HeadFor(HeadKind.ConnectionistTemporalClassification, typeof(SpeechEncoder))]
public sealed class CharacterFrames : Head
{
    private const string Frames = "frames";

    private readonly SpeechEncoder _backbone;
    private readonly LinearLayer _output;
    private readonly int _characters;
    private readonly double _dropout;
    private readonly int _blank;
    private readonly bool _zeroInfinity;
    private readonly nn.Reduction _reduction;

    /// <summary>Builds the head on its backbone.</summary>
    public CharacterFrames(SpeechEncoder backbone, WeightSource source, int? classes)
    {
        var config = backbone.Config;
        _backbone = backbone;
        _characters = classes ?? config.Int("vocab_size", 1, 1 << 20, 32);
        _dropout = config.Number("final_dropout", 0, 0.99, 0.1);
        _blank = config.Int("pad_token_id", 0, _characters - 1, 0);
        _zeroInfinity = config.Flag("ctc_zero_infinity", false);
        _reduction = config.Text("ctc_loss_reduction", "sum") switch
        {
            "sum" => nn.Reduction.Sum,
            "mean" => nn.Reduction.Mean,
            _ => throw config.Wrong("ctc_loss_reduction", "\"sum\" or \"mean\""),
        };
        _output = source.LinearOrNew("lm_head", backbone.OutputSize, _characters);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => ["lm_head"];

    /// <inheritdoc/>
    public override string? TaskType => null;

    /// <inheritdoc/>
    /// <remarks>Gives <c>logits</c> (batch, frames, characters) and <c>frames</c> (batch), the real frames of each row.</remarks>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var states = _backbone.Forward(inputs.Values.Required("samples"), inputs.ValueLengths, context);
        var logits = _output.Forward(context.Dropout(states.Hidden, _dropout), context).view(states.Rows, states.Frames, _characters);
        var frames = states.Valid is null ? full([states.Rows], states.Frames, ScalarType.Int64) : tensor(states.Valid.ToArray());
        return new(("logits", logits), (Frames, frames));
    }

    /// <inheritdoc/>
    /// <remarks>Labels are characters (batch, length); negative numbers fill a row up.</remarks>
    public override Tensor Loss(ModelOutput output, Targets targets)
    {
        var labels = targets.RequiredLabels;
        var real = labels.ge(0);
        if (labels.max().item<long>() >= _characters)
        {
            throw new ArgumentException($"The labels hold {labels.max().item<long>()}; this model knows {_characters} characters.", nameof(targets));
        }

        var scores = Losses.Single(output.Logits).log_softmax(-1).transpose(0, 1); // (frames, batch, characters)
        return nn.functional.ctc_loss(
            scores, labels.masked_select(real), output[Frames], real.sum(1), _blank, _zeroInfinity, _reduction);
    }
}
