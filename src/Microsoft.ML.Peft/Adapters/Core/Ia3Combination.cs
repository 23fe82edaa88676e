using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Makes one (IA)³ adapter of several weighted ones: the weighted sum of their factors, layer by layer.</summary>
internal static class Ia3Combination
{
    /// <summary>True if every adapter is (IA)³.</summary>
    public static bool Takes(IReadOnlyList<AdapterSet> adapters) => adapters.All(set => set.Options is Ia3Options);

    /// <summary>Combines them. On a layer that only some have, the others count as nothing, not as a factor of 1: as in HF PEFT.</summary>
    public static AdapterSet Combine(IReadOnlyList<AdapterSet> adapters, IReadOnlyList<double> weights, string name)
    {
        using var _ = no_grad();
        foreach (var set in adapters)
        {
            var copies = set.Adapters.Where(part => part is not IScalingPart).Select(part => part.Path).ToArray();
            if (copies.Length > 0)
            {
                throw new PeftException($"The adapter '{set.Name}' brings trained copies of {string.Join(", ", copies)}, which cannot be combined; combine adapters without them.");
            }
        }

        var parts = from k in Enumerable.Range(0, adapters.Count)
                    from part in adapters[k].Adapters.OfType<LayerAdapter>()
                    group (Part: (IScalingPart)part, Weight: weights[k]) by part.Target.Index into layer
                    orderby layer.Key
                    select Combine([.. layer]);
        var options = adapters.Select(set => (Ia3Options)set.Options!).ToArray();
        var combined = options[0] with
        {
            TargetModules = TargetModules.Union(options.Select(o => o.TargetModules)),
            FeedForwardModules = FeedForwardModules.Union(options.Select(o => o.FeedForwardModules!)),
        };
        return AdapterSet.Of(name, combined, [.. parts], adapters[0].LayerCount);
    }

    private static LayerAdapter Combine(IReadOnlyList<(IScalingPart Part, double Weight)> found)
    {
        var first = found[0].Part;
        if (found.Any(f => f.Part.ScalesInput != first.ScalesInput))
        {
            throw new PeftException($"Some of the adapters scale the inputs of '{((LayerAdapter)first).Path}' and some its outputs; these have no sum. Give them the same feed-forward modules.");
        }

        using var scope = NewDisposeScope();
        var sum = found.Select(f => f.Part.Factors * f.Weight).Aggregate((a, b) => a + b);
        return first.With(sum.to(ScalarType.Float32, copy: true).DetachFromDisposeScope());
    }
}
