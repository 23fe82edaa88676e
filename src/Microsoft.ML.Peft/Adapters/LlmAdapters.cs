using Microsoft.ML.Peft.Backbones;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Kinds of adapters that LLM-Adapters compares.</summary>
public enum LlmAdapterKind
{
    /// <summary>A bottleneck behind the feed-forward part: <see cref="LinearBottleneck"/>.</summary>
    Series,

    /// <summary>Bottlenecks beside the layers of the feed-forward part: <see cref="LinearBottleneck"/>.</summary>
    Parallel,

    /// <summary><see cref="Lora"/> on attention and feed-forward part.</summary>
    Lora,

    /// <summary><see cref="PrefixTuning"/>.</summary>
    Prefix,
}

/// <summary>The settings with which the paper LLM-Adapters compares four kinds of adapters: its best placement of each, at its sizes.</summary>
/// <remarks>
/// <para>LLaMA (and decoders of its layout: Mistral, Qwen2, Qwen3, Gemma): series, 256 wide, on <c>down_proj</c>; parallel, 256 wide, on <c>up_proj</c> and
/// <c>down_proj</c>; LoRA with r 32 and α 64 on <c>q_proj</c>, <c>k_proj</c>, <c>v_proj</c>, <c>up_proj</c>, <c>down_proj</c>; a prefix of 10 tokens. BLOOM, OPT, GPT-J and GPT-Neo: the layers that
/// take their places. The authors publish no run with OPT or GPT-Neo; their placement follows the others'.</para>
/// <para>With LLaMA-7B they train 67,108,864, 247,463,936, 56,098,816 and 2,621,440 numbers.</para>
/// <para>Source: Hu et al. 2023, arXiv:2304.01933, and the authors' commands for each model.</para>
/// </remarks>
public static class LlmAdapters
{
    private const int Width = 256;
    private const int Rank = 32;
    private const int Tokens = 10;

    /// <summary>The settings for a kind of model.</summary>
    /// <param name="modelType"><c>model_type</c> of config.json: <c>llama</c>, <c>bloom</c>, <c>opt</c>, <c>gptj</c>, <c>gpt_neo</c>, <c>mistral</c>, <c>qwen2</c>, <c>qwen3</c> or <c>gemma</c>.</param>
    /// <param name="kind">The kind of adapter.</param>
    /// <exception cref="PeftException">The paper's placements say nothing of such a model.</exception>
    public static AdapterOptions Preset(string modelType, LlmAdapterKind kind)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(modelType);
        var names = LlmLayerNames.Find(modelType) ?? throw new PeftException(
            $"LLM-Adapters has no placement for a model of type '{modelType}'; it has some for {string.Join(", ", LlmLayerNames.ModelTypes)}. Set TargetModules of the method's own options.");
        return kind switch
        {
            LlmAdapterKind.Series => new LinearBottleneckOptions
            {
                Width = Width,
                Placement = BottleneckPlacement.SeriesOutput,
                TargetModules = new[] { names.FeedForwardOutput },
            },
            LlmAdapterKind.Parallel => new LinearBottleneckOptions
            {
                Width = Width,
                Placement = BottleneckPlacement.Parallel,
                TargetModules = new[] { names.FeedForwardInput, names.FeedForwardOutput },
            },
            LlmAdapterKind.Lora => new LoraOptions
            {
                Rank = Rank,
                Alpha = 2 * Rank,
                Dropout = 0.05,
                TargetModules = (string[])[.. names.AttentionInputs, names.FeedForwardInput, names.FeedForwardOutput],
            },
            LlmAdapterKind.Prefix => new PrefixTuningOptions { VirtualTokens = Tokens },
            _ => throw new ArgumentOutOfRangeException(nameof(kind), $"kind is {kind}; it must be {string.Join(", ", Enum.GetNames<LlmAdapterKind>())}."),
        };
    }

    /// <summary>The settings for a model folder's configuration.</summary>
    /// <inheritdoc cref="Preset(string, LlmAdapterKind)"/>
    /// <param name="config">The model's config.json.</param>
    /// <param name="kind">The kind of adapter.</param>
    public static AdapterOptions Preset(ModelConfig config, LlmAdapterKind kind)
    {
        ArgumentNullException.ThrowIfNull(config);
        return Preset(config.ModelType, kind);
    }
}
