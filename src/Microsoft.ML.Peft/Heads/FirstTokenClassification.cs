using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Sequence classification over the first token: <c>logits = W·drop(act(P·drop(h₀) + p)) + b</c>.</summary>
/// <remarks>The form that BERT, RoBERTa, DistilBERT, ELECTRA and DeBERTa share; a <see cref="FirstTokenForm"/> says where they differ.</remarks>
[HeadFor(HeadKind.SequenceClassification, typeof(TextEncoder))]
public sealed class FirstTokenClassification : Head
{
    private readonly TextEncoder _backbone;
    private readonly FirstTokenForm _form;
    private readonly LinearLayer _dense;
    private readonly LinearLayer _output;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly ClassificationProblem? _problem;

    /// <summary>Builds the head on its backbone.</summary>
    public FirstTokenClassification(TextEncoder backbone, WeightSource source, int? classes)
    {
        Classes = classes ?? backbone.Config.ClassCount;
        _problem = classes is null ? ClassificationProblems.Of(backbone.Config) : null; // a caller's own classes are another task than the checkpoint's
        (_backbone, _form) = (backbone, backbone.FirstToken);
        _dense = source.LinearOrNew(_form.DensePath, backbone.HiddenSize, backbone.HiddenSize);
        _output = source.LinearOrNew(_form.OutputPath, backbone.HiddenSize, Classes);
        _activation = Activation.Named(_form.Activation);
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
        var first = _backbone.Forward(inputs.Tokens.Required("tokens"), context, firstTokenOnly: true); // (batch, hidden)
        var pooled = _activation(_dense.Forward(context.Dropout(first, _form.DropoutBefore), context));
        return new("logits", _output.Forward(context.Dropout(pooled, _form.DropoutAfter), context));
    }

    /// <inheritdoc/>
    public override Tensor Loss(ModelOutput output, Targets targets) => Losses.Classification(output.Logits, targets.RequiredLabels, Classes, _problem);
}
