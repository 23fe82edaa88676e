using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.Peft.Layers;

/// <summary>The layers of a base model in order of computation, found by path.</summary>
public sealed class LayerList : IReadOnlyList<Layer>
{
    private readonly List<Layer> _layers = [];
    private readonly Dictionary<string, Layer> _byPath = new(StringComparer.Ordinal);
    private Lazy<LayerList>? _newer;

    /// <summary>Count of layers.</summary>
    public int Count => _layers.Count;

    /// <summary>The layer at a position.</summary>
    public Layer this[int index] => _layers[index];

    /// <summary>Finds a layer by its path.</summary>
    public bool TryGet(string path, [NotNullWhen(true)] out Layer? layer) => _byPath.TryGetValue(path, out layer);

    /// <inheritdoc/>
    public IEnumerator<Layer> GetEnumerator() => _layers.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The same layers under the names that newer versions of transformers give them, or null where those are no others.</summary>
    internal LayerList? Newer => _newer?.Value;

    /// <summary>Says how newer versions of transformers call a layer; to be called once every layer is there.</summary>
    internal void RenameBy(Func<string, string> newerName)
        => _newer = new(() =>
        {
            var newer = new LayerList();
            foreach (var layer in _layers)
            {
                newer.Add(layer.Under(newerName(layer.Path)));
            }

            return newer;
        });

    internal T Add<T>(T layer)
        where T : Layer
    {
        _byPath.Add(layer.Path, layer);
        _layers.Add(layer);
        return layer;
    }
}
