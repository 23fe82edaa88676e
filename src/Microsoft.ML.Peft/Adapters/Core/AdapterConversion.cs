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
    /// <returns>The new adapter, copies of trained layers included, and what each layer lost; with <c>lora_bias</c>, which loses nothing, where the method moves biases.</returns>
    /// <exception cref="PeftException">The method does not merge, acts on other layers than linear ones, or trains biases of layers that are no targets.</exception>
    public static (AdapterSet Adapter, IReadOnlyList<ConversionError> Errors) ToLora(AdapterSet adapter, int rank, string name = "default")
    {
        ArgumentNullException.ThrowIfNull(adapter);
        Guard.AtLeast(rank, 1);
        var options = Mergeable(adapter);
        var (parts, errors) = (new List<Func<bool, Adapter>>(), new List<ConversionError>());
        var movesBias = false;
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var stack in adapter.Adapters.Where(part => !IsIdle(part)).OfType<LayerAdapter>().Where(part => part.MergesByItself).GroupBy(part => part.Target.Index))
        {
            if (stack.All(TrainedCopy.IsCopy) && IsNamed(options, stack.First()))
            {
                parts.AddRange(stack.Select(copy => (Func<bool, Adapter>)(withBias => TrainedCopy.Again(copy))));
                continue;
            }

            if (stack.First().Target is not LinearLayer layer || (stack.All(part => part.KeepsWeight) && options.TargetModules?.Matches(stack.First().Path) != true))
            {
                throw new PeftException($"The adapter changes '{stack.First().Path}' in a way that LoRA cannot: {(stack.First().Target is LinearLayer ? "it changes its bias, and the layer is no target" : "it is no linear layer")}.");
            }

            var weight = layer.Weight.Dense().to(ScalarType.Float32);
            var update = stack.Aggregate(weight, (w, part) => part.Materialize(w)) - weight;
            var (a, b) = LowRankApproximation.Of(update, rank);
            var whole = update.norm().item<float>();
            errors.Add(new(layer.Path, (int)a.size(0), whole == 0 ? 0 : (update - b.mm(a)).norm().item<float>() / whole));
            var bias = stack.Aggregate(layer.Bias, (below, part) => part.MaterializeBias(below));
            movesBias |= !ReferenceEquals(bias, layer.Bias);
            var shift = ReferenceEquals(bias, layer.Bias) ? zeros(layer.OutFeatures, device: a.device) : layer.Bias is null ? bias! : bias! - layer.Bias;
            parts.Add(withBias => new Lora(layer, Kept(a), Kept(b), 1, withBias ? Kept(shift) : null));
        }

        return (Set(adapter, options, name, parts.ConvertAll(make => make(movesBias)), rank, movesBias), errors);
    }

    /// <summary>The same update as LoRA without loss, for a method whose update is a product of two factors; each layer keeps its rank.</summary>
    /// <param name="adapter">The adapter, which stays as it is; DyLoRA counts with the rank in effect.</param>
    /// <param name="name">Name of the result.</param>
    /// <returns>The new adapter, copies of trained layers included; with <c>lora_bias</c> where the method moves biases.</returns>
    /// <exception cref="PeftException">The method does not merge, or its update is no product of two factors; give a rank for the nearest one.</exception>
    public static AdapterSet ToLora(AdapterSet adapter, string name = "default")
    {
        ArgumentNullException.ThrowIfNull(adapter);
        var options = Mergeable(adapter);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var updates = adapter.Adapters.Where(part => part is not ModelAdapter && !IsIdle(part)).Select(part => (Part: part, Update: (part as ILowRankUpdate)?.Update())).ToList();
        var movesBias = updates.Exists(u => u.Update is { Bias: not null });
        var parts = updates.ConvertAll<Adapter>(u => u switch
        {
            { Part: LayerAdapter copy } when TrainedCopy.IsCopy(copy) => TrainedCopy.Again(copy),
            { Part: LinearAdapter { Layer: var layer }, Update: var (a, b, bias) } => new Lora(layer, Kept(a), Kept(b), 1, movesBias ? Kept(bias ?? zeros_like(b.select(1, 0))) : null),
            { Part: ILowRankPart { Factors: var (a, b, scale) } low } => low.With(Kept(a), Kept(b.mul(scale))),
            _ => throw new PeftException($"{options.Method.Name} adds no product of two factors to '{u.Part.Path}'; give ToLora a rank, for the nearest one."),
        });
        return Set(adapter, options, name, parts, parts.OfType<ILowRankPart>().Select(p => (int)p.Factors.A.size(0)).DefaultIfEmpty(1).Max(), movesBias);
    }

    /// <summary>LoRA that goes where other settings go.</summary>
    internal static LoraOptions OnTargetsOf(AdapterOptions options, int rank, double alpha) => new()
    {
        Rank = rank,
        Alpha = alpha,
        TargetModules = options.TargetModules,
        ExcludeModules = options.ExcludeModules,
        LayersToTransform = options.LayersToTransform,
        LayersPattern = options.LayersPattern,
        ModulesToSave = options.ModulesToSave,
    };

    /// <summary>The numbers in Float32, in memory of their own that no scope frees.</summary>
    internal static Tensor Kept(Tensor tensor) => tensor.to(ScalarType.Float32, copy: true).contiguous().DetachFromDisposeScope();

    private static bool IsNamed(AdapterOptions options, LayerAdapter copy) => new CopiedModules(options.ModulesToSave ?? [], []).Of(copy.Path) is not null;

    private static AdapterOptions Mergeable(AdapterSet adapter)
    {
        var options = adapter.Options ?? throw new PeftException($"The adapter '{adapter.Name}' is a trained head alone; there is nothing to convert.");
        return options.CanMerge ? options : throw new PeftException($"{options.Method.Name} is no change of weights, so no LoRA can stand for it.");
    }

    // A part that only writes something down.
    private static bool IsIdle(Adapter part)
        => part is LayerAdapter { KeepsWeight: true } idle && ReferenceEquals(idle.MaterializeBias(idle.Target.FrozenBias), idle.Target.FrozenBias);

    private static AdapterSet Set(AdapterSet adapter, AdapterOptions options, string name, IReadOnlyList<Adapter> parts, int rank, bool hasBias = false)
    {
        // Layers differ in rank: one has at most as many directions as its smaller side, and some methods give each layer its own.
        var ranks = parts.OfType<ILowRankPart>().Select(part => (((Adapter)part).Path, Rank: (int)part.Factors.A.size(0)))
            .Where(part => part.Rank != rank).ToDictionary(part => part.Path.Replace(".", "\\.", StringComparison.Ordinal), part => part.Rank);
        var lora = OnTargetsOf(options, rank, rank) with
        {
            HasBias = hasBias,
            RankPattern = ranks.Count > 0 ? ranks : null,
            AlphaPattern = ranks.Count > 0 ? ranks.ToDictionary(r => r.Key, r => (double)r.Value) : null,
        };
        return AdapterSet.Of(name, lora, parts, adapter.LayerCount);
    }
}
