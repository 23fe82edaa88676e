using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>One task of a Poly adapter by itself: plain LoRA, which merges and goes to any LoRA runtime.</summary>
public static class PolyTask
{
    /// <summary>The LoRA adapter of rank r that predicts as Poly does for a task, without loss.</summary>
    /// <param name="adapter">The Poly adapter, which stays as it is.</param>
    /// <param name="task">The task: 0 to n_tasks − 1.</param>
    /// <param name="name">Name of the result.</param>
    /// <exception cref="PeftException">The adapter is not Poly.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such task.</exception>
    public static AdapterSet ToLora(AdapterSet adapter, int task, string name = "default")
    {
        ArgumentNullException.ThrowIfNull(adapter);
        var options = adapter.Options as PolyOptions
            ?? throw new PeftException($"The adapter '{adapter.Name}' is {adapter.Options?.Method.Name ?? "a trained head"}; Poly alone has tasks.");
        Guard.InRange(task, 0, options.TaskCount - 1);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        List<Adapter> parts = [.. adapter.Adapters.OfType<LayerAdapter>().Select(part => part is Poly poly ? ToLora(poly) : TrainedCopy.Again(part))];
        return AdapterSet.Of(
            name,
            AdapterConversion.OnTargetsOf(options, options.Rank, options.Rank),
            parts,
            adapter.LayerCount);

        Lora ToLora(Poly poly)
        {
            var (a, b) = poly.Factors(task);
            return new Lora(poly.Layer, AdapterConversion.Kept(a), AdapterConversion.Kept(b), 1);
        }
    }
}
