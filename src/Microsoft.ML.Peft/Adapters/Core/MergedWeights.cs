using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Adapters that are merged into their base layers, with the numbers to put back.</summary>
/// <remarks>The base model changes for everybody who uses it: merge a model that nobody else is using.</remarks>
public sealed class MergedWeights : IDisposable
{
    private readonly List<(LinearLayer Layer, Tensor Weight, Tensor? Bias)> _saved = [];

    internal MergedWeights(IEnumerable<Adapter> adapters)
    {
        using var _ = no_grad();
        foreach (var adapter in adapters.OfType<LinearAdapter>())
        {
            using var scope = NewDisposeScope();
            var (layer, dense) = (adapter.Layer, adapter.Layer.Weight.Dense());
            _saved.Add((layer, Kept(dense.clone()), layer.Bias is null ? null : Kept(layer.Bias.clone())));
            layer.Weight.Replace(adapter.Materialize(dense));
            if (layer.Bias is { } bias && adapter.MaterializeBias(bias) is { } merged && !ReferenceEquals(merged, bias))
            {
                bias.copy_(merged);
            }
        }
    }

    /// <summary>Puts the base weights back.</summary>
    public void Dispose()
    {
        using var _ = no_grad();
        for (var k = _saved.Count - 1; k >= 0; k--)
        {
            var (layer, weight, bias) = _saved[k];
            layer.Weight.Replace(weight);
            weight.Dispose();
            if (bias is not null)
            {
                layer.Bias!.copy_(bias);
                bias.Dispose();
            }
        }

        _saved.Clear();
    }

    private static Tensor Kept(Tensor tensor) => tensor.DetachFromDisposeScope();
}
