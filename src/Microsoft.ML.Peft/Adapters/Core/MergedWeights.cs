using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Adapters that are merged into their base layers, with the numbers to put back.</summary>
/// <remarks>The base model changes for everybody who uses it: merge a model that nobody else is using.</remarks>
public sealed class MergedWeights : IDisposable
{
    private readonly List<(Layer Layer, Tensor Weight, Tensor? Bias)> _saved = [];

    internal MergedWeights(IEnumerable<Adapter> adapters, bool safe = false)
    {
        using var _ = no_grad();
        try
        {
            foreach (var adapter in adapters.OfType<LayerAdapter>().Where(a => a.MergesByItself))
            {
                using var scope = NewDisposeScope();
                var (layer, weight, bias) = (adapter.Target, adapter.Target.FrozenWeight!, adapter.Target.FrozenBias);
                var merged = adapter.Materialize(weight).to(weight.dtype);
                var mergedBias = adapter.MaterializeBias(bias)?.to(weight.dtype);
                if (bias is null && mergedBias is not null)
                {
                    throw new PeftException($"The adapter gives '{layer.Path}' a bias, which that layer does not have; it cannot be merged.");
                }

                if (safe && !(IsFinite(merged) && (mergedBias is null || IsFinite(mergedBias))))
                {
                    throw new PeftException($"Merging would put numbers that are not finite into '{layer.Path}'; the adapter is damaged. Nothing was merged.");
                }

                _saved.Add((layer, Kept(weight.clone()), bias is null ? null : Kept(bias.clone())));
                layer.ReplaceWeight(merged);
                if (bias is not null && !ReferenceEquals(mergedBias, bias))
                {
                    bias.copy_(mergedBias!);
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private static bool IsFinite(Tensor tensor) => tensor.isfinite().all().item<bool>();

    /// <summary>Puts the base weights back.</summary>
    public void Dispose()
    {
        using var _ = no_grad();
        for (var k = _saved.Count - 1; k >= 0; k--)
        {
            var (layer, weight, bias) = _saved[k];
            layer.ReplaceWeight(weight);
            weight.Dispose();
            if (bias is not null)
            {
                layer.FrozenBias!.copy_(bias);
                bias.Dispose();
            }
        }

        _saved.Clear();
    }

    private static Tensor Kept(Tensor tensor) => tensor.DetachFromDisposeScope();
}
