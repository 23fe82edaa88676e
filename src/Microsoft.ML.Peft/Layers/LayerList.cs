using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.Peft.Layers;

/// <summary>The layers of a base model in order of computation, found by path.</summary>
public sealed class LayerList : IReadOnlyList<Layer>
{
    private readonly List<Layer> _layers = [];
    private readonly Dictionary<string, Layer> _byPath = new(StringComparer.Ordinal);

    /// <summary>Count of layers.</summary>
    public int Count => _layers.Count;

    /// <summary>The layer at a position.</summary>
    public Layer this[int index] => _layers[index];

    /// <summary>Finds a layer by its path.</summary>
    public bool TryGet(string path, [NotNullWhen(true)] out Layer? layer) => _byPath.TryGetValue(path, out layer);

    /// <inheritdoc/>
    public IEnumerator<Layer> GetEnumerator() => _layers.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal T Add<T>(T layer)
        where T : Layer
    {
        _byPath.Add(layer.Path, layer);
        _layers.Add(layer);
        return layer;
    }
}
