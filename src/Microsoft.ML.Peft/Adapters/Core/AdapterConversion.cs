using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What a conversion lost on one layer.</summary>
/// <param name="Path">The layer.</param>
/// <param name="Rank">Rank of the LoRA that stands for its update.</param>
/// <param name="RelativeError">‖ΔW − s·B·A‖ / ‖ΔW‖ in Frobenius norms; 0 where ΔW is zero.</param>
public sealed record ConversionError(string Path, int Rank, double RelativeError);

/// <summary>Turns an adapter that changes the weights of linear layers into plain LoRA, which every LoRA runtime reads.</summary>
public static class AdapterConversion
{
    /// <summary>The best LoRA of a rank: a singular value decomposition of each layer's <c>ΔW = W' − W</c>.</summary>
    /// <param name="adapter">An adapter whose method merges; it stays as it is. PiSSA and OLoRA become plain LoRA without loss at twice their rank.</param>
    /// <param name="rank">Rank of the result: 1 or more.</param>
    /// <param name="name">Name of the result.</param>
    /// <returns>The new adapter, copies of trained layers included, and what each layer lost.</returns>
    /// <exception cref="PeftException">The method does not merge, changes biases, or acts on other layers than linear ones.</exception>
    public static (AdapterSet Adapter, IReadOnlyList<ConversionError> Errors) ToLora(AdapterSet adapter, int rank, string name = "default")
    {
        ArgumentNullException.ThrowIfNull(adapter);
        Guard.AtLeast(rank, 1);
        var options = adapter.Options ?? throw new PeftException($"The adapter '{adapter.Name}' is a trained head alone; there is nothing to convert.");
        if (!options.CanMerge)
        {
            throw new PeftException($"{options.Method.Name} is no change of weights, so no LoRA can stand for it.");
        }

        var (parts, errors) = (new List<Adapter>(), new List<ConversionError>());
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var stack in adapter.Adapters.OfType<LayerAdapter>().Where(part => part.MergesByItself).GroupBy(part => part.Target.Index))
        {
            if (stack.All(TrainedCopy.IsCopy))
            {
                parts.AddRange(stack.Select(TrainedCopy.Again));
                continue;
            }

            if (stack.First().Target is not LinearLayer layer || !ReferenceEquals(stack.Aggregate(layer.Bias, (bias, part) => part.MaterializeBias(bias)), layer.Bias))
            {
                throw new PeftException($"The adapter changes '{stack.First().Path}' in a way that LoRA cannot: {(stack.First().Target is LinearLayer ? "it changes its bias" : "it is no linear layer")}.");
            }

            var weight = layer.Weight.Dense().to(ScalarType.Float32);
            var update = stack.Aggregate(weight, (w, part) => part.Materialize(w)) - weight;
            var (a, b) = LowRankApproximation.Of(update, rank);
            var whole = update.norm().item<float>();
            errors.Add(new(layer.Path, (int)a.size(0), whole == 0 ? 0 : (update - b.mm(a)).norm().item<float>() / whole));
            parts.Add(new Lora(layer, Kept(a), Kept(b), 1));
        }

        // A layer has at most as many directions as its smaller side.
        var ranks = errors.Where(e => e.Rank != rank).ToDictionary(e => Regex(e.Path), e => e.Rank);
        var alphas = ranks.ToDictionary(r => r.Key, r => (double)r.Value);
        var lora = new LoraOptions
        {
            Rank = rank,
            Alpha = rank,
            RankPattern = ranks.Count > 0 ? ranks : null,
            AlphaPattern = alphas.Count > 0 ? alphas : null,
            TargetModules = options.TargetModules,
            ExcludeModules = options.ExcludeModules,
            LayersToTransform = options.LayersToTransform,
            LayersPattern = options.LayersPattern,
            ModulesToSave = options.ModulesToSave,
        };
        return (AdapterSet.Of(name, lora, parts, adapter.LayerCount), errors);

        static Tensor Kept(Tensor tensor) => tensor.contiguous().DetachFromDisposeScope();

        static string Regex(string path) => path.Replace(".", "\\.", StringComparison.Ordinal);
    }
}
