using System.Globalization;
using System.Text.RegularExpressions;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Which layers <see cref="ClipSvd"/> goes on, by their names in CLIP, OpenAI's and Hugging Face's, in timm's ViT and in BERT, as in the authors' code, and in the other families.</summary>
internal static partial class ClipSvdLayers
{
    private static readonly Dictionary<string, int> s_groups = new(StringComparer.Ordinal) { ["bottom"] = 0, ["middle"] = 4, ["top"] = 8 };

    private static readonly string[] s_queries = ["q_proj", ".query", ".q_lin", "Attention.q"];
    private static readonly string[] s_keys = ["k_proj", ".key", ".k_lin", "Attention.k"];
    private static readonly string[] s_values = ["v_proj", ".value", ".v_lin", "Attention.v"];
    private static readonly string[] s_fused = ["attn.c_attn", ".query_key_value", ".qkv_proj"]; // query, key and value of GPT-2, BLOOM and Phi-3 in one
    private static readonly string[] s_outputs = ["attn.proj", "out_proj", "o_proj", "attention.output", ".out_lin", "Attention.o", "attn.c_proj", "self_attention.dense"];
    private static readonly string[] s_feedForward = ["mlp.", "intermediate.dense", "output.dense", ".fc1", ".fc2", ".ffn.lin", "DenseReluDense.", "feed_forward."];

    /// <summary>True if the settings choose a layer of a block.</summary>
    public static bool Includes(ClipSvdOptions options, string path)
    {
        var isImage = path.Contains("visual", StringComparison.Ordinal) || path.Contains("vision", StringComparison.Ordinal);
        return (isImage ? options.TrainsImages : options.TrainsTexts)
            && FirstNumber().Match(path) is { Success: true } block
            && (BlocksOf(options.Blocks) is not { } blocks || (int.TryParse(block.ValueSpan, CultureInfo.InvariantCulture, out var index) && blocks.Contains(index)))
            && (Is(options is { TrainsQueries: true, TrainsKeys: true, TrainsValues: true }, s_fused) || Is(options.TrainsQueries, s_queries) || Is(options.TrainsKeys, s_keys)
                || Is(options.TrainsValues, s_values) || Is(options.TrainsOutputs, s_outputs) || Is(options.TrainsFeedForward, s_feedForward));

        bool Is(bool trains, string[] names) => trains && names.Any(name => path.Contains(name, StringComparison.Ordinal));
    }

    /// <summary>The blocks that a setting names, or null for all.</summary>
    /// <exception cref="ArgumentException">It is not one of its forms.</exception>
    public static HashSet<int>? BlocksOf(string setting)
        => setting == "all" ? null
            : setting?.Split('_') is { } names && names.All(s_groups.ContainsKey) ? [.. names.SelectMany(name => Enumerable.Range(s_groups[name], 4))]
            : throw new ArgumentException($"Blocks is '{setting}'; it must be 'all', or some of 'bottom', 'middle' and 'top' joined by '_'.");

    [GeneratedRegex(@"\d+", RegexOptions.CultureInvariant)]
    private static partial Regex FirstNumber();
}
