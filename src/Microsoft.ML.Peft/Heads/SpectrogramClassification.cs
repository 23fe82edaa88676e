using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Audio classification over a spectrogram: <c>logits = W·LN(features) + b</c>.</summary>
[HeadFor(HeadKind.AudioClassification, typeof(Ast))]
public sealed class SpectrogramClassification : Head
{
    private readonly Ast _backbone;
    private readonly LayerNormLayer _norm;
    private readonly LinearLayer _output;
    private readonly ClassificationProblem? _problem;

    /// <summary>Builds the head on its backbone.</summary>
    public SpectrogramClassification(Ast backbone, WeightSource source, int? classes)
    {
        Classes = classes ?? backbone.Config.ClassCount;
        _backbone = backbone;
        _problem = classes is null ? ClassificationProblems.Of(backbone.Config) : null;
        _norm = source.LayerNormOrNew("classifier.layernorm", backbone.HiddenSize, backbone.Config.Number("layer_norm_eps", 0, 1, 1e-12));
        _output = source.LinearOrNew("classifier.dense", backbone.HiddenSize, Classes);
    }

    /// <summary>Count of classes; 1 is a regression.</summary>
    public int Classes { get; }

    /// <inheritdoc/>
    /// <remarks>The norm before the scores stays as it is.</remarks>
    public override IReadOnlyList<string> TrainedModules => ["classifier.dense"];

    /// <inheritdoc/>
    public override string? TaskType => null;

    /// <inheritdoc/>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
        => new("logits", _output.Forward(_norm.Forward(_backbone.Features(inputs.Values.Required("a spectrogram"), context), context), context));

    /// <inheritdoc/>
    public override Tensor Loss(ModelOutput output, Targets targets) => Losses.Classification(output.Logits, targets.RequiredLabels, Classes, _problem);
}
