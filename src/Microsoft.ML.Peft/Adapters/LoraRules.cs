namespace Microsoft.ML.Peft.Adapters;

/// <summary>What values the settings of LoRA may have, and which of them go together.</summary>
internal static class LoraRules
{
    /// <exception cref="ArgumentException">A value is out of its range, or two settings exclude each other; the message says which.</exception>
    public static void Check(LoraOptions options)
    {
        Guard.AtLeast(options.Rank, 1, nameof(options.Rank));
        Guard.Positive(options.Alpha, nameof(options.Alpha));
        Guard.InRange(options.Dropout, 0.0, 0.99, nameof(options.Dropout));
        foreach (var (layer, rank) in options.RankPattern ?? new Dictionary<string, int>())
        {
            Guard.AtLeast(rank, 1, $"RankPattern['{layer}']");
        }

        foreach (var (layer, alpha) in options.AlphaPattern ?? new Dictionary<string, double>())
        {
            Guard.Positive(alpha, $"AlphaPattern['{layer}']");
        }

        Guard.Positive(options.LoraPlusRatio, nameof(options.LoraPlusRatio));
        Guard.Positive(options.LoraPlusEmbeddingRate, nameof(options.LoraPlusEmbeddingRate));
        options.Eva?.Validate();
        options.Corda?.Validate();
        options.LoraGa?.Validate();
        options.LoftQ?.Validate();
        options.Calibration.Validate();
        CheckTogether(options);
    }

    private static void CheckTogether(LoraOptions options)
    {
        if (options.InvocationTokens is { } tokens && (tokens.Count == 0 || options.UseDora))
        {
            throw new ArgumentException(tokens.Count == 0
                ? "InvocationTokens is empty; give the ids from which on the adapter acts, or null for everywhere."
                : "InvocationTokens and UseDora are both set; DoRA changes every token, so set one of them.");
        }

        if (options.TargetParameters is { Count: > 0 } && RefusedWithExperts(options) is { } set)
        {
            throw new ArgumentException(
                $"TargetParameters is set and so is {set}{(set == nameof(options.Start) ? $", to '{options.Start}'" : "")}; LoRA on expert tensors has no DoRA, bias, dropout, invocation "
                + "tokens or frozen A, and starts as default, gaussian or random. Unset one of them.");
        }

        if (options.UseDora && options.HasBias)
        {
            throw new ArgumentException("UseDora and HasBias are both set; DoRA has no bias on its low-rank path, so set one of them.");
        }
    }

    // The setting that LoRA on expert tensors does not have, or null.
    private static string? RefusedWithExperts(LoraOptions options) => options switch
    {
        { UseDora: true } => nameof(options.UseDora),
        { HasBias: true } => nameof(options.HasBias),
        { Dropout: > 0 } => nameof(options.Dropout),
        { InvocationTokens: not null } => nameof(options.InvocationTokens),
        { FreezeA: true } => nameof(options.FreezeA),
        _ => options.Start != LoraStart.Default && options.Start != LoraStart.Gaussian && options.Start != LoraStart.Random ? nameof(options.Start) : null,
    };
}
