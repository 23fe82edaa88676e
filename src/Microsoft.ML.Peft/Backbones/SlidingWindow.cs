namespace Microsoft.ML.Peft.Backbones;

/// <summary>Which blocks of a decoder see a window of the last tokens only, as config.json says it.</summary>
internal static class SlidingWindow
{
    private const string Size = "sliding_window";

    /// <summary><c>sliding_window</c> for every block, 0 where it is not set.</summary>
    public static Func<int, long> OfAll(ModelConfig config)
    {
        var size = config.Has(Size) ? config.Int(Size, 1, 1 << 30) : 0;
        return _ => size;
    }

    /// <summary>The window of the blocks that <c>layer_types</c> names, or of those from <c>max_window_layers</c> on, where
    /// <c>use_sliding_window</c> is set.</summary>
    public static Func<int, long> ByBlock(ModelConfig config)
    {
        if (!config.Flag("use_sliding_window", false) || !config.Has(Size))
        {
            return _ => 0;
        }

        var size = config.Int(Size, 1, 1 << 30);
        var kinds = config.List("layer_types");
        if (kinds.Count == 0)
        {
            var first = config.Int("max_window_layers", 0, 1 << 12, 28);
            return block => block >= first ? size : 0;
        }

        if (kinds.Count != config.Int("num_hidden_layers", 1, 1 << 12) || kinds.Any(k => k is not ("full_attention" or "sliding_attention")))
        {
            throw config.Wrong("layer_types", "\"full_attention\" or \"sliding_attention\" for each of num_hidden_layers");
        }

        return block => kinds[block] == "sliding_attention" ? size : 0;
    }
}
