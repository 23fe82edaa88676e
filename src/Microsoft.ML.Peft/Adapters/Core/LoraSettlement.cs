namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What the file of a LoRA adapter says once its start is known: ranks that EVA has moved, and for starts that only this adapter knows plain LoRA of
/// twice the rank, <c>[A; A₀]</c> and <c>[B, −B₀]</c>, which stands on the base model as it is.</summary>
/// <remarks>The form of HF PEFT's <c>path_initial_model_for_weight_conversion</c>.</remarks>
internal static class LoraSettlement
{
    /// <summary>Settings of starts that are not the start.</summary>
    public static IEnumerable<string> NotesOn(LoraOptions options)
        => from start in ((string Field, object? Value, LoraStart Start)[])[("eva_config", options.Eva, LoraStart.Eva), ("corda_config", options.Corda, LoraStart.Corda), ("lora_ga_config", options.LoraGa, LoraStart.LoraGa), ("loftq_config", options.LoftQ, LoraStart.LoftQ)]
           where start.Value is not null && options.Start != start.Start && !options.IsStored
           select $"{start.Field} is set and init_lora_weights is '{options.Start}', not '{start.Start}'; it changes nothing.";

    public static LoraOptions Of(LoraOptions options, AdapterSet adapter)
    {
        if (options.Start == LoraStart.Eva && !options.IsStored)
        {
            return Explicit(options, options, adapter) with { TargetModules = Targets(options, adapter) };
        }

        if (options.Start != LoraStart.Corda && options.Start != LoraStart.LoraGa && options.Start.Iterations is null)
        {
            return options;
        }

        // Before rows were measured there is nothing to take away: the adapter is plain LoRA that changes nothing.
        var plain = options with { Start = LoraStart.Default, Corda = null, LoraGa = null };
        return adapter.Adapters.OfType<ILoraPart>().Any(part => part.Factors.IsWrittenAsUpdate)
            ? Explicit(options, plain with { Rank = 2 * options.Rank, Alpha = Doubled(options, options.Alpha) }, adapter)
            : plain;
    }

    // s stays: α/r, or α/√r.
    private static double Doubled(LoraOptions options, double alpha) => alpha * (options.RankStabilized ? Math.Sqrt(2) : 2);

    /// <summary>The written options with patterns of the path of every layer whose rank or α is another than theirs.</summary>
    private static LoraOptions Explicit(LoraOptions options, LoraOptions written, AdapterSet adapter)
    {
        var (ranks, alphas) = (new Dictionary<string, int>(StringComparer.Ordinal), new Dictionary<string, double>(StringComparer.Ordinal));
        foreach (var part in adapter.Adapters.OfType<LayerAdapter>().Where(IsLora))
        {
            var (rank, alpha) = part is ILoraPart { Factors: var factors } ? (factors.Rank, factors.Alpha) : options.RankAndAlphaOf(part.Path);
            if (part is ILoraPart { Factors.IsWrittenAsUpdate: true })
            {
                (rank, alpha) = (2 * rank, Doubled(options, alpha));
            }

            if (rank != written.Rank)
            {
                ranks.Add(part.Path, rank);
            }

            if (alpha != written.Alpha)
            {
                alphas.Add(part.Path, alpha);
            }
        }

        return written with { RankPattern = ranks.Count > 0 ? ranks : null, AlphaPattern = alphas.Count > 0 ? alphas : null };
    }

    private static TargetModules? Targets(LoraOptions options, AdapterSet adapter)
        => adapter.HasLostParts
            ? TargetModules.Named([.. adapter.Adapters.OfType<LayerAdapter>().Where(IsLora).Select(part => part.Path)])
            : options.TargetModules;

    /// <summary>True for a part that LoRA's factors make.</summary>
    internal static bool IsLora(LayerAdapter part) => part is ILowRankPart or ILoraPart or LoraFilters or DoraEmbedding;
}
