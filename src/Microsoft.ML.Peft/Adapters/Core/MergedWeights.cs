using System.Runtime.CompilerServices;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Adapters that are merged into their base layers, with the numbers to put back.</summary>
/// <remarks>The base model changes for everybody who uses it: merge a model that nobody else is using. Merges stack: what was merged last is undone
/// first. A method whose update is a function of the base weight takes it of the weight without any merge.</remarks>
public sealed class MergedWeights : IDisposable
{
    private static readonly ConditionalWeakTable<object, List<(MergedWeights Merge, Tensor Before)>> s_merges = [];

    private readonly List<(Layer Layer, Tensor Weight, bool IsChanged, Tensor? Bias)> _saved = []; // a weight is replaced only where it changes
    private readonly Action? _undone;

    internal MergedWeights(IEnumerable<Adapter> adapters, bool safe = false, Action? undone = null)
    {
        _undone = undone;
        using var _ = no_grad();
        try
        {
            foreach (var stack in adapters.OfType<LayerAdapter>().Where(a => a.MergesByItself).GroupBy(a => a.Target.Index))
            {
                Merge([.. stack], safe);
            }
        }
        catch
        {
            Undo();
            throw;
        }
    }

    /// <summary>Nothing: for what is merged already.</summary>
    internal MergedWeights()
    {
    }

    /// <summary>Puts the base weights back; a second call does nothing.</summary>
    /// <exception cref="PeftException">Another adapter was merged after this one and is still merged.</exception>
    public void Dispose()
    {
        if (_saved.Find(saved => !ReferenceEquals(Merges(saved.Layer)[^1].Merge, this)) is { Layer: { } covered })
        {
            throw new PeftException($"Another adapter was merged into '{covered.Path}' after this one; undo that merge first.");
        }

        Undo();
    }

    /// <summary>The weight of a layer as it is without any merge.</summary>
    internal static Tensor Original(Layer layer)
        => s_merges.TryGetValue(Key(layer), out var merges) && merges.Count > 0 ? merges[0].Before : layer.FrozenWeight!;

    private void Merge(IReadOnlyList<LayerAdapter> stack, bool safe)
    {
        using var scope = NewDisposeScope();
        var layer = stack[0].Target;
        var (weight, bias) = (layer.FrozenWeight!, layer.FrozenBias);
        var (merged, mergedBias) = (weight, bias);
        foreach (var adapter in stack)
        {
            (merged, mergedBias) = (adapter.Materialize(merged), adapter.MaterializeBias(mergedBias));
        }

        var changes = !ReferenceEquals(merged, weight);
        (merged, mergedBias) = (merged.to(weight.dtype), mergedBias?.to(weight.dtype));
        var gives = bias is null && mergedBias is not null;
        if (gives && !(layer is LinearLayer && stack.Any(adapter => adapter.GivesBias)))
        {
            throw new PeftException($"The adapter gives '{layer.Path}' a bias, which that layer does not have; it cannot be merged.");
        }

        if (safe && !(IsFinite(merged) && (mergedBias is null || IsFinite(mergedBias))))
        {
            throw new PeftException($"Merging would put numbers that are not finite into '{layer.Path}'; the adapter is damaged. Nothing was merged.");
        }

        var before = weight.clone();
        if (changes)
        {
            layer.ReplaceWeight(merged); // refused where layers share the weight: there is nothing to undo in this one then
        }

        _saved.Add((layer, Kept(before), changes, bias is null ? null : Kept(bias.clone())));
        Merges(layer).Add((this, before));
        bias?.copy_(mergedBias!);
        if (gives)
        {
            ((LinearLayer)layer).Weight.GivenBias = Kept(mergedBias!.clone());
        }
    }

    private void Undo()
    {
        using var _ = no_grad();
        for (var k = _saved.Count - 1; k >= 0; k--)
        {
            var (layer, weight, isChanged, bias) = _saved[k];
            if (isChanged)
            {
                layer.ReplaceWeight(weight);
            }

            Merges(layer).RemoveAll(merge => ReferenceEquals(merge.Merge, this));
            weight.Dispose();
            if (bias is not null)
            {
                layer.FrozenBias!.copy_(bias);
                bias.Dispose();
            }
            else if (layer is LinearLayer { Weight: { GivenBias: { } given } own })
            {
                given.Dispose();
                own.GivenBias = null;
            }
        }

        _saved.Clear();
        _undone?.Invoke();
    }

    private static List<(MergedWeights Merge, Tensor Before)> Merges(Layer layer) => s_merges.GetOrCreateValue(Key(layer));

    // A layer has aliases under other names; what they share is the weight.
    private static object Key(Layer layer) => layer is LinearLayer linear ? linear.Weight : layer.FrozenWeight!;

    private static bool IsFinite(Tensor tensor) => tensor.isfinite().all().item<bool>();

    private static Tensor Kept(Tensor tensor) => tensor.DetachFromDisposeScope();
}
