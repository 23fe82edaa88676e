using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Prompt tuning: trained tokens in front of every input.</summary>
/// <remarks>
/// <para><c>h₀ = [p₁ … pₙ, E(x₁) … E(xₜ)]</c>. Shapes: p (n, d). Trains n·d numbers (2·n·d for an encoder-decoder, of which the
/// second half is not used, as in HF PEFT).</para>
/// <para>Never the identity. Source: Lester et al. 2021, arXiv:2104.08691.</para>
/// </remarks>
public sealed class PromptTuning : PromptAdapter
{
    private readonly Parameter prompt_embeddings; // (n·submodules, d)

    internal PromptTuning(Tensor start, int length)
        : base("PROMPT_TUNING", length)
    {
        prompt_embeddings = Trainable(start);
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Vectors(ForwardContext context) => prompt_embeddings.unsqueeze(0);
}

/// <summary>Settings of <see cref="PromptTuning"/>.</summary>
[AdapterMethod(
    "PROMPT_TUNING", AdapterFamily.Prompt, Title = "Prompt tuning", Paper = "arXiv:2104.08691", Formula = "[p₁ … pₙ, E(x)]", Trained = "n·d a model",
    InHuggingFace = true, MixesInBatch = false)]
public sealed record PromptTuningOptions : PromptOptions
{
    /// <summary>How the tokens start. Default <see cref="PromptStart.Random"/>.</summary>
    [JsonPropertyName("prompt_tuning_init")]
    [JsonConverter(typeof(PromptStartConverter))]
    public PromptStart Start { get; init; }

    /// <summary>The text that the tokens start from, for <see cref="PromptStart.Text"/>.</summary>
    [JsonPropertyName("prompt_tuning_init_text")]
    public string? StartText { get; init; }

    /// <summary>Name of the tokenizer of <see cref="StartText"/>, which HF PEFT asks for.</summary>
    [JsonPropertyName("tokenizer_name_or_path")]
    public string? Tokenizer { get; init; }

    /// <summary>Token ids of <see cref="StartText"/>. Default null: a classifier of texts takes them from its tokenizer.</summary>
    [JsonIgnore]
    public IReadOnlyList<int>? StartIds { get; init; }

    /// <inheritdoc/>
    protected internal override AdapterOptions WithTokens(Func<string, int[]> encode)
        => Start == PromptStart.Text && StartIds is null ? this with { StartIds = encode(StartText!) } : this;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        CheckStart(Start, StartText, Tokenizer, PromptStart.Random, PromptStart.SampleVocab, PromptStart.Text);
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
        => [new PromptTuning(StartTokens(this, Start, StartIds, build), VirtualTokens)];

    /// <summary>The start of trained tokens: (n·submodules, d).</summary>
    internal static Tensor StartTokens(PromptOptions options, PromptStart start, IReadOnlyList<int>? ids, AdapterBuild build)
    {
        var count = options.VirtualTokens * options.Submodules!.Value;
        var words = build.Backbone.InputEmbedding!;
        return options.IsStored ? build.Initialization.Normal(1, count, options.TokenWidth!.Value) : start switch
        {
            PromptStart.SampleVocab => TokenStart.Of(words, TokenStart.Sample(words, count, build.Initialization)),
            PromptStart.Text => TokenStart.Of(words, TokenStart.Repeat(ids, count)),
            _ => build.Initialization.Normal(1, count, options.TokenWidth!.Value),
        };
    }

    internal static void CheckStart(PromptStart start, string? text, string? tokenizer, params PromptStart[] allowed)
    {
        if (!allowed.Contains(start))
        {
            throw new ArgumentException($"Start is {start}; it must be {string.Join(", ", allowed)}.");
        }

        if (start == PromptStart.Text && (text is null || string.IsNullOrEmpty(tokenizer)))
        {
            throw new ArgumentException($"Start is {start} and {(text is null ? nameof(StartText) : nameof(Tokenizer))} is not set; set both the text and the name of its tokenizer.");
        }
    }
}

/// <summary>HF PEFT's names of <see cref="PromptStart"/>.</summary>
internal sealed class PromptStartConverter : JsonConverter<PromptStart>
{
    private static readonly Dictionary<string, PromptStart> s_names = new(StringComparer.Ordinal)
    {
        ["RANDOM"] = PromptStart.Random,
        ["SAMPLE_VOCAB"] = PromptStart.SampleVocab,
        ["TEXT"] = PromptStart.Text,
        ["AVERAGE_SOURCE_TASKS"] = PromptStart.AverageSourceTasks,
        ["EXACT_SOURCE_TASK"] = PromptStart.ExactSourceTask,
        ["ONLY_SOURCE_SHARED"] = PromptStart.OnlySourceShared,
    };

    public override PromptStart Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var name = reader.GetString() ?? "";
        return s_names.TryGetValue(name, out var start)
            ? start
            : throw new JsonException($"prompt_tuning_init is '{name}'; it must be {string.Join(", ", s_names.Keys)}.");
    }

    public override void Write(Utf8JsonWriter writer, PromptStart value, JsonSerializerOptions options)
        => writer.WriteStringValue(s_names.First(pair => pair.Value == value).Key);
}
