using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings that name layers or blocks which are not there, so that they do nothing.</summary>
internal static class TargetNotes
{
    // HF PEFT names both for every classifier, of which a model has one.
    private static readonly string[] s_heads = ["classifier", "score", "qa_outputs"];

    /// <summary>One sentence for each of them.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="layers">The layers of the model.</param>
    /// <param name="parts">The parts that were made.</param>
    public static IEnumerable<string> Of(AdapterOptions options, LayerList layers, IReadOnlyList<Adapter> parts)
    {
        var filter = new BlockFilter(null, options.LayersPattern);
        var blocks = layers.Select(layer => filter.BlockOf(layer.Path)).OfType<int>().Distinct().Order().ToList();
        if (options.LayersToTransform?.Except(blocks).ToArray() is { Length: > 0 } missing)
        {
            yield return $"layers_to_transform names the blocks {string.Join(", ", missing)}, which this model does not have; it has {(blocks.Count > 0 ? $"{blocks[0]} to {blocks[^1]}" : "none")}.";
        }

        string[] excluded = options.ExcludeModules is { Names: null } pattern
            ? layers.Any(layer => pattern.Matches(layer.Path)) ? [] : [pattern.ToString()]
            : options.ExcludeModules?.Names!.Where(name => !layers.Any(layer => TargetModules.Named(name).Matches(layer.Path))).ToArray() ?? [];
        if (excluded.Length > 0)
        {
            yield return $"exclude_modules names {string.Join(", ", excluded)}, which matches no layer.";
        }

        if (options.ModulesToSave?.Except(s_heads).Where(name => !layers.Any(layer => new CopiedModules([name], []).Of(layer.Path) is not null)).ToArray() is { Length: > 0 } unsaved)
        {
            yield return $"modules_to_save names {string.Join(", ", unsaved)}, which matches no layer: nothing is trained or saved for it.";
        }

        foreach (var (field, keys) in Patterns(options))
        {
            if (keys.Where(key => !parts.Any(part => Matches(key, part.Path))).ToArray() is { Length: > 0 } unused)
            {
                yield return $"{field} has {string.Join(", ", unused)}, which matches no layer that is adapted.";
            }
        }
    }

    private static IEnumerable<(string Field, IEnumerable<string> Keys)> Patterns(AdapterOptions options)
        => options is not LoraOptions lora ? []
            : [("rank_pattern", lora.RankPattern?.Keys ?? []), ("alpha_pattern", lora.AlphaPattern?.Keys ?? [])];

    private static bool Matches(string key, string path)
    {
        try
        {
            return LayerPattern.Matches(key, path);
        }
        catch (PeftException)
        {
            return true; // where a layer asks for the key, the method says what is wrong with it
        }
    }
}
