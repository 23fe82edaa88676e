using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Image classification: <c>logits = W·features + b</c> over what the backbone gives of each picture.</summary>
[HeadFor(HeadKind.ImageClassification, typeof(VisionEncoder))]
public sealed class ImageClassification : Head
{
    private readonly VisionEncoder _backbone;
    private readonly LinearLayer _output;
    private readonly ClassificationProblem? _problem;

    /// <summary>Builds the head on its backbone.</summary>
    public ImageClassification(VisionEncoder backbone, WeightSource source, int? classes)
    {
        Classes = classes ?? backbone.Config.ClassCount;
        _backbone = backbone;
        _problem = classes is null ? ClassificationProblems.Of(backbone.Config) : null;
        _output = source.LinearOrNew("classifier", backbone.FeatureSize, Classes);
    }

    /// <summary>Count of classes; 1 is a regression.</summary>
    public int Classes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => ["classifier"];

    /// <inheritdoc/>
    public override string? TaskType => null;

    /// <inheritdoc/>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
        => new("logits", _output.Forward(_backbone.Features(inputs.Values.Required("pixels"), context), context));

    /// <inheritdoc/>
    public override Tensor Loss(ModelOutput output, Targets targets) => Losses.Classification(output.Logits, targets.RequiredLabels, Classes, _problem);
}
