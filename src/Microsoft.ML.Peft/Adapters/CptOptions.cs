using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Settings of <see cref="Cpt"/>.</summary>
[AdapterMethod(
    "CPT", AdapterFamily.Prompt, Title = "CPT", Paper = "arXiv:2410.17222", Formula = "[E(context) + Δ, E(x)], ‖Δᵢ‖ ≤ ε", Trained = "n·d a model",
    InHuggingFace = true, MixesInBatch = false)]
public sealed record CptOptions : PromptOptions
{
    internal const string Decays = "decay";

    /// <summary>Ids of the context's tokens. Default 0 alone.</summary>
    [JsonPropertyName("cpt_token_ids")]
    public IReadOnlyList<int> TokenIds { get; init; } = [0];

    /// <summary>1 for each token of the context that is one. Default: all.</summary>
    [JsonPropertyName("cpt_mask")]
    public IReadOnlyList<int>? Mask { get; init; }

    /// <summary>What each token is: by its remainder of 4 an input's template (1), an input (2), an output's template (3) or an output (0),
    /// each example with numbers of its own. Default: 1 for each.</summary>
    [JsonPropertyName("cpt_tokens_type_mask")]
    public IReadOnlyList<int>? TokenTypes { get; init; }

    /// <summary><c>none</c>, or <c>decay</c> to count older examples less. Default <c>none</c>.</summary>
    [JsonPropertyName("opt_weighted_loss_type")]
    public string Weighting { get; init; } = "none";

    /// <summary>Factor of an example for each one after it, finite and above 0. Default 1.</summary>
    [JsonPropertyName("opt_loss_decay_factor")]
    public double Decay { get; init; } = 1;

    /// <summary>How far an input's tokens move, finite and above 0. Default 0.1.</summary>
    [JsonPropertyName("opt_projection_epsilon")]
    public double Epsilon { get; init; } = 0.1;

    /// <summary>How far the tokens of templates move, finite and above 0. Default 0.1.</summary>
    [JsonPropertyName("opt_projection_format_epsilon")]
    public double FormatEpsilon { get; init; } = 0.1;

    internal IReadOnlyList<int> Types => TokenTypes ?? [.. TokenIds.Select(_ => 1)];

    /// <inheritdoc/>
    protected override IReadOnlyList<string> FieldsWithoutEffect => ["tokenizer_name_or_path"];

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(TokenIds.Count, 1, nameof(TokenIds));
        Guard.Positive(Decay);
        Guard.Positive(Epsilon);
        Guard.Positive(FormatEpsilon);
        if (Types.Count != TokenIds.Count || (Mask?.Count ?? TokenIds.Count) != TokenIds.Count)
        {
            throw new ArgumentException($"TokenIds has {TokenIds.Count} entries, TokenTypes {Types.Count} and Mask {Mask?.Count ?? TokenIds.Count}; give one of each for each token.");
        }

        if (Weighting is not ("none" or Decays))
        {
            throw new ArgumentException($"Weighting is '{Weighting}'; it must be 'none' or '{Decays}'.");
        }
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions For(Backbone backbone)
        => backbone is Decoder
            ? (this with { VirtualTokens = TokenIds.Count }).Filled(backbone)
            : throw new PeftException($"CPT continues text; a model of type '{backbone.Config.ModelType}' does not.");

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override int TokensBefore => TokenIds.Count;

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build) => [new Cpt(this, build)];

    /// <inheritdoc/>
    protected internal override AdapterTraining CreateTraining(AdapterSet adapter) => new Projection(adapter.Adapters.OfType<Cpt>().Single());

    private AdapterOptions Filled(Backbone backbone) => base.For(backbone);

    private sealed class Projection(Cpt tokens) : AdapterTraining
    {
        public override void AfterStep(TrainingPoint point) => tokens.MoveInside();
    }
}
