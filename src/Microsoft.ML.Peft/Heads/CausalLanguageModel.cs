using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Scores of the token after each token: <c>logits = W·h</c>, with W the token table where the model ties them.</summary>
[HeadFor(HeadKind.CausalLanguageModel, typeof(Decoder))]
public sealed class CausalLanguageModel : LanguageModelHead
{
    private const long Ignored = -100; // a label that does not count
    private const string Path = "lm_head";
    private readonly Decoder _backbone;
    private readonly LinearLayer _output;

    /// <summary>Builds the head on its backbone.</summary>
    public CausalLanguageModel(Decoder backbone, WeightSource source, int? classes)
    {
        if (classes is not null)
        {
            throw new ArgumentException("A language model has no classes.", nameof(classes));
        }

        _backbone = backbone;
        string[] biases = backbone.OutputBias ? [$"{Path}.bias"] : [];
        _output = backbone.TiedOutput
            ? source.Tied(Path, backbone.Words, biases)
            : source.Untied(Path, backbone.OutputSize, backbone.VocabularySize, biases);
    }

    /// <inheritdoc/>
    public override string TaskType => "CAUSAL_LM";

    /// <inheritdoc/>
    public override int VocabularySize => _backbone.VocabularySize;

    /// <inheritdoc/>
    public override int MaxLength => _backbone.MaxLength;

    /// <inheritdoc/>
    public override int? StartToken => null;

    /// <inheritdoc/>
    public override bool ForgetsAt(long length) => _backbone.ForgetsAt(length);

    /// <inheritdoc/>
    public override ModelOutput Forward(ModelInputs inputs, ForwardContext context)
    {
        var tokens = inputs.Tokens.Required("tokens");
        var logits = _output.Forward(_backbone.Forward(tokens, context), context).view(tokens.Rows, context.PromptLength + tokens.Length, -1);
        return new("logits", logits) { TargetsOf = labels => context.Targets(labels, context.PromptLength) };
    }

    /// <inheritdoc/>
    public override Tensor Next(ModelInputs inputs, ForwardContext context, KeyValueCache cache)
    {
        var tokens = inputs.Tokens.Required("tokens");
        var hidden = _backbone.Forward(tokens, context, cache);
        return _output.Forward(hidden.view(tokens.Rows, -1, hidden.size(1)).select(1, -1), context);
    }

    /// <inheritdoc/>
    public override Tensor Loss(ModelOutput output, Targets targets)
    {
        // The scores of a token are for the token after it; nothing is after the last one. Labels are moved, not the far larger scores.
        var (labels, weights) = output.TargetsOf(targets.RequiredLabels);
        return Losses.Tokens(output.Logits, Next(labels, Ignored), weights is null ? null : Next(weights, 0));

        static Tensor Next(Tensor x, double last)
            => cat([x.narrow(1, 1, x.size(1) - 1), full([x.size(0), 1], last, x.dtype, x.device)], 1);
    }
}
