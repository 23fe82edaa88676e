using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Audio classification over speech: <c>logits = W·mean(P·h + p) + b</c>, the mean over a recording's real frames.</summary>
/// <remarks>With <c>use_weighted_layer_sum</c> h is the sum of all blocks' states, weighted by a softmax over learned numbers.</remarks>
[HeadFor(HeadKind.AudioClassification, typeof(SpeechEncoder))]
public sealed class SpeechClassification : Head
{
    private readonly SpeechEncoder _backbone;
    private readonly Tensor? _layerWeights; // (blocks + 1)
    private readonly LinearLayer _projector;
    private readonly LinearLayer _output;
    private readonly ClassificationProblem? _problem;

    /// <summary>Builds the head on its backbone.</summary>
    public SpeechClassification(SpeechEncoder backbone, WeightSource source, int? classes)
    {
        var config = backbone.Config;
        var width = config.Int("classifier_proj_size", 1, 1 << 16, 256);
        if (backbone.ShortensFrames)
        {
            throw config.Wrong("add_adapter", "false for classification, as in Hugging Face's model; such a model transcribes only");
        }

        Classes = classes ?? config.ClassCount;
        _backbone = backbone;
        _problem = classes is null ? ClassificationProblems.Of(backbone.Config) : null;
        if (config.Flag("use_weighted_layer_sum", false))
        {
            // Evenly weighted where the checkpoint has none.
            _layerWeights = source.ParametersOrNew("", "layer_weights", 1.0 / (backbone.BlockCount + 1), backbone.BlockCount + 1);
        }

        _projector = source.LinearOrNew("projector", backbone.HiddenSize, width);
        _output = source.LinearOrNew("classifier", width, Classes);
    }

    /// <summary>Count of classes; 1 is a regression.</summary>
    public int Classes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => ["projector", "classifier"];

    /// <inheritdoc/>
    public override string? TaskType => null;

    /// <inheritdoc/>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var all = _layerWeights is null ? null : new List<Tensor>();
        var states = _backbone.Forward(inputs.Values.Required("samples"), inputs.ValueLengths, context, all);
        var hidden = all is null
            ? states.Hidden
            : stack(all, 2).mul(_layerWeights!.softmax(-1)).sum(2); // (rows·frames, hidden)
        var projected = _projector.Forward(hidden, context).view(states.Rows, states.Frames, -1);
        return new("logits", _output.Forward(Mean(projected, states), context));
    }

    /// <inheritdoc/>
    public override Tensor Loss(ModelOutput output, Targets targets) => Losses.Classification(output.Logits, targets.RequiredLabels, Classes, _problem);

    private static Tensor Mean(Tensor projected, SpeechStates states)
    {
        if (states.Present is null)
        {
            return projected.mean([1]);
        }

        var present = states.Present.view(states.Rows, states.Frames, 1).to(projected.dtype);
        return projected.mul(present).sum(1) / present.sum(1);
    }
}
