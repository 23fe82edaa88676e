using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Makes one LoRA or (IA)³ adapter of several weighted ones: HF PEFT's <c>add_weighted_adapter</c>.</summary>
public static class AdapterCombination
{
    /// <summary>Combines LoRA adapters of one base model, or (IA)³ adapters, whose factors are summed.</summary>
    /// <param name="adapters">Plain LoRA adapters, or (IA)³ adapters, at least one. They stay as they are.</param>
    /// <param name="weights">One finite weight each; a negative one takes an adapter away.</param>
    /// <param name="name">Name of the result.</param>
    /// <param name="options">How LoRA is combined; null for the defaults. (IA)³ has one way and takes none.</param>
    /// <returns>A new adapter, of LoRA with r = α, so that its scale is 1. A layer that only some adapters have is made of those.</returns>
    /// <exception cref="ArgumentException">Weights do not fit, or a setting is missing or outside its range.</exception>
    /// <exception cref="PeftException">An adapter is not plain LoRA, brings trained copies, or has another rank than the kind can take.</exception>
    public static AdapterSet Combine(IReadOnlyList<AdapterSet> adapters, IReadOnlyList<double> weights, string name, CombinationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (adapters.Count == 0 || weights.Count != adapters.Count || !weights.All(double.IsFinite))
        {
            throw new ArgumentException($"There are {adapters.Count} adapters and the weights {string.Join(", ", weights)}; give one finite weight for each of at least one adapter.", nameof(weights));
        }

        if (Ia3Combination.Takes(adapters))
        {
            return options is null or { Kind: CombinationKind.Linear }
                ? Ia3Combination.Combine(adapters, weights, name)
                : throw new ArgumentException($"Kind is {options.Kind}; (IA)³ adapters are combined by the weighted sum of their factors alone. Leave the options out.", nameof(options));
        }

        options ??= new();
        options = adapters.Count == 1 ? options with { Kind = CombinationKind.Linear } : options; // as in HF PEFT
        options.Validate();
        var lora = adapters.Select(Plain).ToArray();
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var generator = new Generator(unchecked((ulong)options.Seed));
        var parts = new List<Adapter>();
        var rank = Rank(adapters, options);
        foreach (var layer in adapters.SelectMany(set => set.Adapters).OfType<LayerAdapter>().Select(part => part.Target).DistinctBy(layer => layer.Index).OrderBy(layer => layer.Index))
        {
            var found = new List<(ILowRankPart Part, double Weight)>();
            for (var k = 0; k < adapters.Count; k++)
            {
                if (adapters[k].Adapters.OfType<LayerAdapter>().FirstOrDefault(part => part.Target.Index == layer.Index) is ILowRankPart part)
                {
                    found.Add((part, weights[k]));
                }
            }

            var (a, b) = Factors(found, rank, options, generator);
            parts.Add(found[0].Part.With(Kept(a), Kept(b)));
        }

        var first = lora[0];
        return AdapterSet.Of(
            name,
            first with
            {
                Rank = rank,
                Alpha = rank,
                RankPattern = null,
                AlphaPattern = null,
                RankStabilized = false,
                Start = LoraStart.Default,
                TargetModules = TargetModules.Union(lora.Select(o => o.TargetModules)),
            },
            parts,
            adapters[0].LayerCount);

        static Tensor Kept(Tensor tensor) => tensor.to(ScalarType.Float32, copy: true).contiguous().DetachFromDisposeScope();
    }

    private static (Tensor A, Tensor B) Factors(List<(ILowRankPart Part, double Weight)> found, int rank, CombinationOptions options, Generator generator)
    {
        var factors = found.Select(f => f.Part.Factors).ToArray();
        if (options.Kind == CombinationKind.Cat)
        {
            var rows = cat(factors.Select((f, k) => f.A * (f.Scale * found[k].Weight)).ToArray());
            return (Padded(rows, 0, rank), Padded(cat(factors.Select(f => f.B).ToArray(), 1), 1, rank));
        }

        if (options.OfUpdates)
        {
            var updates = factors.Select(f => f.B.mm(f.A) * f.Scale).ToArray();
            var update = TaskVectors.Merge(updates, [.. factors.Select((f, k) => found[k].Weight * (options.ScaleTwice ? f.Scale : 1))], options, generator);
            var (a, b) = LowRankApproximation.Of(update, rank, options.SvdClamp);
            return (Padded(a, 0, rank), Padded(b, 1, rank));
        }

        var roots = factors.Select((f, k) => Math.Sqrt(Math.Abs(found[k].Weight * f.Scale))).ToArray();
        var signed = roots.Select((root, k) => found[k].Weight * factors[k].Scale < 0 ? -root : root).ToArray();
        return (
            TaskVectors.Merge([.. factors.Select(f => f.A)], signed, options, generator),
            TaskVectors.Merge([.. factors.Select(f => f.B)], roots, options, generator));
    }

    private static Tensor Padded(Tensor tensor, int dim, long rank)
    {
        var missing = rank - tensor.size(dim);
        var shape = tensor.shape;
        shape[dim] = missing;
        return missing <= 0 ? tensor : cat([tensor, zeros(shape, device: tensor.device)], dim);
    }

    private static int Rank(IReadOnlyList<AdapterSet> adapters, CombinationOptions options)
    {
        var ranks = adapters.Select(set => set.Adapters.OfType<ILowRankPart>().Select(part => (int)part.Factors.A.size(0)).ToArray()).ToArray();
        if (options.Kind == CombinationKind.Cat)
        {
            return ranks.Sum(r => r.Max());
        }

        if (options.OfUpdates)
        {
            return options.SvdRank ?? ranks.Max(r => r.Max());
        }

        var all = ranks.SelectMany(r => r).Distinct().ToArray();
        return all.Length == 1
            ? all[0]
            : throw new PeftException($"The adapters have the ranks {string.Join(", ", all.Order())}; {options.Kind} needs equal ones. Use Cat or Svd.");
    }

    private static LoraOptions Plain(AdapterSet set)
    {
        if (set.Options is LoraOptions { UseDora: false, HasBias: false, CanMerge: true } options && set.Adapters.All(part => part is ILowRankPart))
        {
            return options;
        }

        if (set.Adapters.Any(part => part is RoundedWeight))
        {
            throw new PeftException($"The adapter '{set.Name}' stands on weights that LoftQ has rounded, so that its factors alone are not its update; convert it by AdapterConversion.ToLora.");
        }

        if (set.Adapters.OfType<ExpertAdapter>().FirstOrDefault() is { } experts)
        {
            throw new PeftException($"The adapter '{set.Name}' goes on the expert tensor '{experts.Path}'; adapters of expert tensors cannot be combined.");
        }

        var copies = set.Adapters.Where(part => part is not ILowRankPart).Select(part => part.Path).ToArray();
        throw new PeftException(set.Options is LoraOptions { UseDora: false, HasBias: false, CanMerge: true }
            ? $"The adapter '{set.Name}' brings trained copies of {string.Join(", ", copies)}, which cannot be combined; combine adapters without them."
            : $"The adapter '{set.Name}' is not plain LoRA; plain LoRA adapters can be combined, and (IA)³ adapters with each other. Convert it by AdapterConversion.ToLora.");
    }
}
