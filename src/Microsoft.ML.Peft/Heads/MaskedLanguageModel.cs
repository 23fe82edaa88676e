using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Guesses hidden words: <c>logits = E·LN(act(P·h + p)) + b</c>, E the token table.</summary>
[HeadFor(HeadKind.MaskedLanguageModel, typeof(TextEncoder))]
public sealed class MaskedLanguageModel : Head
{
    private readonly TextEncoder _backbone;
    private readonly LinearLayer _dense;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly LayerNormLayer _norm;
    private readonly LinearLayer _output;

    /// <summary>Builds the head on its backbone.</summary>
    public MaskedLanguageModel(TextEncoder backbone, WeightSource source, int? classes)
    {
        if (classes is not null)
        {
            throw new ArgumentOutOfRangeException(nameof(classes), classes, "A language model's classes are its vocabulary; leave the count of classes out.");
        }

        _backbone = backbone;
        var form = backbone.MaskedToken;
        _dense = source.LinearOrNew(form.DensePath, backbone.HiddenSize, form.Width);
        _activation = Activation.Named(form.Activation);
        _norm = source.LayerNormOrNew(form.NormPath, form.Width, form.NormEps);
        _output = backbone.Config.Flag("tie_word_embeddings", true)
            ? source.Tied(form.OutputPath, backbone.Words, form.BiasName)
            : source.Untied(form.OutputPath, form.Width, backbone.VocabularySize, form.BiasName);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainedModules => [];

    /// <inheritdoc/>
    public override string? TaskType => null;

    /// <inheritdoc/>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var tokens = inputs.Tokens.Required("tokens");
        var hidden = _norm.Forward(_activation(_dense.Forward(_backbone.Forward(tokens, context), context)), context);
        return new("logits", _output.Forward(hidden, context).view(tokens.Rows, -1, _backbone.VocabularySize))
        {
            TargetsOf = labels => context.Targets(labels, context.PromptLength),
        };
    }

    /// <inheritdoc/>
    public override Tensor Loss(ModelOutput output, Targets targets) => Losses.Tokens(output.Logits, output.TargetsOf(targets.RequiredLabels).Labels);
}
