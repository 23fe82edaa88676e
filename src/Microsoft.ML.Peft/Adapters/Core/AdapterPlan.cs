using Microsoft.ML.Peft.Backbones;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What an adapter would cost on a model and what could be done with it, known before training.</summary>
/// <param name="Method">The registry row: family, paper, what the method can take part in.</param>
/// <param name="Targets">Paths of the layers that it goes on.</param>
/// <param name="Others">Paths of the linear layers that it does not go on.</param>
/// <param name="Copies">Paths of the layers that are trained or kept as copies.</param>
/// <param name="TrainableCount">Count of trained numbers, copies included.</param>
/// <param name="FileBytes">Bytes of the tensors in adapter_model.safetensors.</param>
/// <param name="Notes">What a user should know, one sentence each: targets that match nothing, for example.</param>
public sealed record AdapterPlan(
    AdapterMethodAttribute Method,
    IReadOnlyList<string> Targets,
    IReadOnlyList<string> Others,
    IReadOnlyList<string> Copies,
    long TrainableCount,
    long FileBytes,
    IReadOnlyList<string> Notes)
{
    /// <summary>True if it can be merged into the base weights.</summary>
    public bool Merges { get; init; }

    /// <summary>True if the method would work on a quantised base; none is read yet.</summary>
    public bool OnQuantized => Method.OnQuantized;

    /// <summary>True if rows of one batch can go through it and others.</summary>
    public bool MixesInBatch { get; init; }

    /// <summary>Plans an adapter: it is made, counted and thrown away.</summary>
    /// <param name="options">The method.</param>
    /// <param name="backbone">The model.</param>
    /// <param name="copies">Which layers are trained or saved as copies, such as the head's; null for none.</param>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    /// <exception cref="PeftException">The targets match no layer, or do not fit the method.</exception>
    public static AdapterPlan For(AdapterOptions options, Backbone backbone, CopiedModules? copies = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(backbone);
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var adapter = AdapterSet.Create("plan", options, backbone, copies ?? new([], []), seed: 0);
        return adapter.Describe(backbone);
    }

    /// <summary>The plan in a few words, for a log.</summary>
    public override string ToString()
        => string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"{Method.Title ?? Method.Name} on {Targets.Count} places, {TrainableCount:N0} trained numbers, a file of {FileBytes / 1048576.0:N2} MiB, {(Merges ? "can" : "cannot")} be merged");
}
