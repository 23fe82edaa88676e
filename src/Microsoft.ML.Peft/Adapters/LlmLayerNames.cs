namespace Microsoft.ML.Peft.Adapters;

/// <summary>What a decoder calls the layers on which LLM-Adapters puts its adapters.</summary>
/// <param name="AttentionInputs">Those that make queries, keys and values.</param>
/// <param name="FeedForwardInputs">Those that the feed-forward part begins with; the one that is no gate is the last.</param>
/// <param name="FeedForwardOutput">The one that ends it.</param>
internal sealed record LlmLayerNames(string[] AttentionInputs, string[] FeedForwardInputs, string FeedForwardOutput)
{
    private static readonly string[] s_queryKeyValue = ["q_proj", "k_proj", "v_proj"];

    private static readonly LlmLayerNames s_llama = new(s_queryKeyValue, ["gate_proj", "up_proj"], "down_proj");

    private static readonly Dictionary<string, LlmLayerNames> s_byType = new(StringComparer.Ordinal)
    {
        ["bloom"] = new(["query_key_value"], ["dense_h_to_4h"], "dense_4h_to_h"),
        ["gemma"] = s_llama,
        ["gpt_neo"] = new(s_queryKeyValue, ["c_fc"], "c_proj"),
        ["gptj"] = new(s_queryKeyValue, ["fc_in"], "fc_out"),
        ["llama"] = s_llama,
        ["mistral"] = s_llama,
        ["opt"] = new(s_queryKeyValue, ["fc1"], "fc2"),
        ["qwen2"] = s_llama,
        ["qwen3"] = s_llama,
    };

    /// <summary>The layer that the feed-forward part begins with, without its gate.</summary>
    public string FeedForwardInput => FeedForwardInputs[^1];

    /// <summary>The model types that it knows.</summary>
    public static IEnumerable<string> ModelTypes => s_byType.Keys;

    /// <summary>The names of a model type, or null for one that the paper's placements say nothing of.</summary>
    public static LlmLayerNames? Find(string modelType) => s_byType.GetValueOrDefault(modelType);

    /// <summary>The placement that belongs to a layer by its name.</summary>
    /// <exception cref="PeftException">The name is none of those that decoders use.</exception>
    public static BottleneckPlacement PlacementOf(string path)
    {
        var name = path[(path.LastIndexOf('.') + 1)..];
        foreach (var known in s_byType.Values)
        {
            if (known.FeedForwardInputs.Contains(name))
            {
                return BottleneckPlacement.SeriesInput;
            }

            if (known.FeedForwardOutput == name)
            {
                return BottleneckPlacement.SeriesOutput;
            }

            if (known.AttentionInputs.Contains(name))
            {
                return BottleneckPlacement.Parallel;
            }
        }

        var names = s_byType.Values.SelectMany(n => (string[])[.. n.FeedForwardInputs, n.FeedForwardOutput, .. n.AttentionInputs]).Distinct();
        throw new PeftException(
            $"Placement is Auto, which goes by the layer's name, and '{path}' is none of {string.Join(", ", names)}; set Placement to SeriesInput, SeriesOutput or Parallel.");
    }
}
