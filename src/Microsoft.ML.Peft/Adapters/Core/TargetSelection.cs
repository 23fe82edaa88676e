using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Decides layer by layer whether a method goes on it, and says so where it goes on none.</summary>
internal sealed class TargetSelection(TargetModules? targets, AdapterOptions? options)
{
    private readonly BlockFilter _blocks = new(options?.LayersToTransform, options?.LayersPattern);
    private int _matched;

    /// <summary>The layers under the names by which the targets know them: the newer ones of transformers, which are also those of
    /// an adapter with default targets, or the older ones, as on disk.</summary>
    public static LayerList Named(LayerList layers, TargetModules? targets)
    {
        if (layers.Newer is not { } newer)
        {
            return layers;
        }

        return targets is not null && !AnyMatches(newer) && AnyMatches(layers) ? layers : newer;

        bool AnyMatches(LayerList names) => names.OfType<LinearLayer>().Any(layer => targets.Matches(layer.Path));
    }

    /// <summary>True if the layer is a target.</summary>
    /// <exception cref="PeftException">It is named but of a kind that cannot be adapted.</exception>
    public bool Includes(Layer layer)
    {
        if (layer.IsParameter)
        {
            var named = Parameters.Any(name => IsEnd(name, layer));
            _matched += named ? 1 : 0;
            return named;
        }

        if (targets is null || options?.ExcludeModules?.Matches(layer.Path) == true || !targets.Matches(layer.Path))
        {
            return false;
        }

        if (!_blocks.Includes(layer.Path) && targets.Names?.Contains(layer.Path) != true) // a whole path is chosen in any case
        {
            return false;
        }

        if (targets.IsAllLinear && layer is not LinearLayer { ScoresVocabulary: false })
        {
            return false;
        }

        if (options?.Adapts(layer) == false)
        {
            throw new PeftException(layer is LinearLayer
                ? $"target_modules matches '{layer.Path}', a linear layer; {options.Method.Name} does not adapt linear layers."
                : $"target_modules matches '{layer.Path}', which is no linear layer; {options.Method.Name} does not adapt layers of that kind.");
        }

        _matched++;
        return true;
    }

    /// <summary>True for a linear layer that only the excluded names, or the choice of blocks, take out of the targets: what the file says too.</summary>
    public bool LeavesOut(Layer layer)
        => layer is LinearLayer { ScoresVocabulary: false } && (options?.ExcludeModules?.Matches(layer.Path) == true || !_blocks.Includes(layer.Path));

    /// <summary>What a user should know: names among the targets that match nothing.</summary>
    public IReadOnlyList<string> Notes(LayerList layers)
    {
        var missed = targets?.Names?.Where(name => !layers.Any(layer => !layer.IsParameter && IsEnd(name, layer))).ToArray();
        return missed is { Length: > 0 }
            ? [$"Of the targets '{targets}' no layer is called {string.Join(", ", missed)}; the linear layers of this model are called {Names(layers)}.{ParameterHint(layers)}"]
            : [];
    }

    private IReadOnlyList<string> Parameters => options?.ParameterTargets ?? [];

    private static bool IsEnd(string name, Layer layer) => layer.Path == name || layer.Path.EndsWith("." + name, StringComparison.Ordinal);

    // model.layers.0.mlp.experts.down_proj → mlp.experts.down_proj
    private static string BelowBlock(string path)
    {
        var names = path.Split('.');
        return string.Join('.', names[(Array.FindLastIndex(names, name => name.All(char.IsAsciiDigit)) + 1)..]);
    }

    // What a name among the modules may have meant.
    private static string ParameterHint(LayerList layers)
        => ParameterNames(layers) is { Count: > 0 } names ? $" Its expert tensors, which target_parameters takes, are called {string.Join(", ", names)}." : "";

    private static List<string> ParameterNames(LayerList layers) => [.. layers.Where(layer => layer.IsParameter).Select(layer => BelowBlock(layer.Path)).Distinct()];

    /// <summary>Refuses targets that matched nothing, with the names that could have been meant.</summary>
    /// <exception cref="PeftException">No layer matched.</exception>
    public void RequireMatches(LayerList layers)
    {
        if (Parameters.Where(name => !layers.Any(layer => layer.IsParameter && IsEnd(name, layer))).ToList() is { Count: > 0 } unknown)
        {
            var there = ParameterNames(layers);
            throw new PeftException($"target_parameters names {string.Join(", ", unknown)}, which {(unknown.Count == 1 ? "is no expert tensor" : "are no expert tensors")} of this model; "
                + (there.Count > 0 ? $"it has {string.Join(", ", there)}." : "it has none.") + " Other layers go in target_modules.");
        }

        if (targets is null || _matched > 0)
        {
            return;
        }

        throw new PeftException(ReferenceEquals(targets, TargetModules.None)
            ? "target_modules is an empty list and there are no target_parameters, so that the adapter goes on nothing; name the layers."
            : $"target_modules '{targets}' matches no layer; the linear layers of this model are called {Names(layers)}.{ParameterHint(layers)}");
    }

    /// <summary>Names that mean the chosen layers and no others: of each path the shortest end that does.</summary>
    /// <param name="layers">The layers.</param>
    /// <param name="chosen">Which are chosen.</param>
    /// <param name="leftOut">Which of the others the names may mean, as something else leaves them out; null for none.</param>
    public static IReadOnlyList<string> ShortestNames(LayerList layers, Func<Layer, bool> chosen, Func<Layer, bool>? leftOut = null)
    {
        var all = (layers.Newer ?? layers).ToList();
        var others = all.Where(layer => !chosen(layer) && leftOut?.Invoke(layer) != true).Select(layer => "." + layer.Path).ToList();
        return [.. all.Where(chosen).Select(layer => ShortestEnd(layer.Path)).Distinct()];

        string ShortestEnd(string path)
        {
            var start = path.Length;
            do
            {
                start = path.LastIndexOf('.', start - 1);
            }
            while (start > 0 && others.Any(other => other.EndsWith(path[start..], StringComparison.Ordinal)));
            return path[(start + 1)..];
        }
    }

    /// <summary>Names of the linear layers in the attention of every block: queries, keys, values and output.</summary>
    public static IReadOnlyList<string> AttentionNames(LayerList layers)
        => ShortestNames(layers, layer => layer is LinearLayer
            && layer.Path.Split('.') is var parts && parts.Any(part => part.All(char.IsAsciiDigit))
            && parts.Any(part => part.Contains("attention", StringComparison.OrdinalIgnoreCase) || part.Contains("attn", StringComparison.OrdinalIgnoreCase)));

    /// <summary>Last parts of the paths of the linear layers.</summary>
    internal static string Names(LayerList layers)
        => string.Join(", ", layers.OfType<LinearLayer>().Select(l => l.Path[(l.Path.LastIndexOf('.') + 1)..]).Distinct().Order(StringComparer.Ordinal));
}
