namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A layer that EVA measures.</summary>
internal sealed class EvaLayer(ILoraPart part, int most)
{
    /// <summary>LoRA on the layer.</summary>
    public ILoraPart Part => part;

    /// <summary>Most ranks that the layer may get.</summary>
    public int Most => most;

    /// <summary>Fingerprint of the input in the first pass.</summary>
    public string? Input { get; set; }

    /// <summary>The layers with the same input, or null before the first pass.</summary>
    public EvaGroup? Group { get; set; }

    /// <summary>Ranks that the layer gets.</summary>
    public int Rank { get; set; }
}

/// <summary>Layers with the same input, such as query, key and value: it is measured at the first of them.</summary>
internal sealed class EvaGroup(IReadOnlyList<EvaLayer> layers) : IDisposable
{
    /// <summary>The layer that is measured.</summary>
    public EvaLayer Leader => layers[0];

    /// <summary>Directions of the input.</summary>
    public IncrementalPca Components { get; } = new(layers.Max(layer => layer.Most));

    /// <summary>True for each direction that the last batch has left as it was.</summary>
    public bool[] Stable { get; set; } = [];

    /// <summary>True once each direction that a layer owns is stable.</summary>
    public bool IsSettled => Stable.Length > 0 && Stable.Take(layers.Max(layer => layer.Rank)).All(stable => stable);

    public void Dispose() => Components.Dispose();
}
