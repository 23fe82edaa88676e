using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Backbones;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings that the methods with trained tokens, or keys and values, share: HF PEFT's prompt learning.</summary>
public abstract record PromptOptions : AdapterOptions
{
    /// <summary>Count of trained tokens: 1 or more, of prefix tuning 0 or more. Default 20.</summary>
    [JsonPropertyName("num_virtual_tokens")]
    public int VirtualTokens { get; init; } = 20;

    /// <summary>Width of a token. Default null: the model's.</summary>
    [JsonPropertyName("token_dim")]
    public int? TokenWidth { get; init; }

    /// <summary>1, or 2 for a model with encoder and decoder. Default null: the model's.</summary>
    [JsonPropertyName("num_transformer_submodules")]
    public int? Submodules { get; init; }

    /// <summary>Count of attention heads. Default null: the model's.</summary>
    [JsonPropertyName("num_attention_heads")]
    public int? Heads { get; init; }

    /// <summary>Count of blocks. Default null: the model's.</summary>
    [JsonPropertyName("num_layers")]
    public int? Layers { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override string PathPrefix => "base_model.";

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool HasTargets => false;

    /// <inheritdoc/>
    protected internal override int TokensBefore => VirtualTokens;

    /// <summary>True if the trained numbers are keys and values, which may be narrower than tokens. Default false.</summary>
    [JsonIgnore]
    protected virtual bool TrainsKeys => false;

    /// <summary>The smallest count of trained tokens. Default 1.</summary>
    [JsonIgnore]
    protected virtual int FewestTokens => 1;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        RefuseTargets();
        Guard.AtLeast(VirtualTokens, FewestTokens);
        Guard.AtLeast(TokenWidth ?? 1, 1, nameof(TokenWidth));
        Guard.InRange(Submodules ?? 1, 1, 2, nameof(Submodules));
        Guard.AtLeast(Heads ?? 1, 1, nameof(Heads));
        Guard.AtLeast(Layers ?? 1, 1, nameof(Layers));
    }

    /// <summary>Fills in what the model says.</summary>
    /// <exception cref="PeftException">The model takes no such tokens, or a setting does not fit it.</exception>
    protected internal override AdapterOptions For(Backbone backbone)
    {
        if (backbone.Prompts is not { } shape || (TrainsKeys && shape.KeyHeads == 0))
        {
            throw new PeftException(
                $"{Method.Name} cannot go on a model of type '{backbone.Config.ModelType}': {(backbone.Prompts is null ? "it takes no tokens that are trained" : "its attention takes no keys that are trained")}.");
        }

        if (backbone is TextBackbone text && VirtualTokens >= text.MaxLength)
        {
            throw new PeftException($"VirtualTokens is {VirtualTokens} and the model has {text.MaxLength} positions; there must be room for the input.");
        }

        var (width, heads) = TrainsKeys ? (shape.KeyWidth, shape.KeyHeads) : (shape.TokenWidth, shape.Heads);
        Require(nameof(TokenWidth), TokenWidth, width);
        Require(nameof(Layers), Layers, shape.Blocks);
        Require(nameof(Submodules), Submodules, shape.Submodules);
        if (TrainsKeys)
        {
            Require(nameof(Heads), Heads, heads);
        }

        return this with { TokenWidth = width, Heads = Heads ?? heads, Layers = shape.Blocks, Submodules = Submodules ?? shape.Submodules };
    }

    private void Require(string name, int? given, int needed)
    {
        var one = name == nameof(Submodules) && given == 1; // an encoder-decoder may leave its decoder as it is
        if (given is { } value && value != needed && !one)
        {
            throw new PeftException($"{name} is {value}; this model needs {needed}. Leave it out to have it filled in.");
        }
    }
}
