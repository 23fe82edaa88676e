using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The shares of heads in LoRA on query and value: rows of B.</summary>
internal static class HeatShares
{
    /// <summary>The LoRA parts on the query and value of an attention, with the rows that belong to heads.</summary>
    public static IEnumerable<(Lora Part, HeadRows Rows, bool ByKeyHead)> Of(HeadMap heads, IReadOnlyDictionary<int, Lora> lora)
    {
        if (lora.TryGetValue(heads.Query.Layer.Index, out var query))
        {
            yield return (query, heads.Query, false);
        }

        if (lora.TryGetValue(heads.Value.Layer.Index, out var value))
        {
            yield return (value, heads.Value, true);
        }
    }

    /// <summary>The parts on queries and values with their rows of B, true where a row is trained; files hold these rows alone from now on.</summary>
    /// <exception cref="PeftException">A part starts from a piece of the base weight.</exception>
    public static List<(Lora Part, bool[] Open)> Settle(IEnumerable<Adapter> parts, IReadOnlyList<HeadMask> masks)
    {
        var lora = parts.OfType<Lora>().ToDictionary(part => part.Target.Index);
        if (lora.Values.FirstOrDefault(part => part.Factors.IsResidual) is { } residual)
        {
            throw new PeftException($"The LoRA on '{residual.Path}' starts from a part of the base weight, so that zeros in B are no silent heads; choose another start, or the mask 'output'.");
        }

        var shares = new List<(Lora Part, bool[] Open)>();
        foreach (var mask in masks)
        {
            foreach (var group in Of(mask.Heads, lora).GroupBy(share => share.Part))
            {
                var open = new bool[group.Key.Layer.OutFeatures];
                Array.Fill(open, true);
                foreach (var (_, rows, byKeyHead) in group)
                {
                    Close(open, mask, rows, byKeyHead);
                }

                group.Key.Factors.StoredRows = open.Contains(false) ? [.. Enumerable.Range(0, open.Length).Where(row => open[row]).Select(row => (long)row)] : null;
                shares.Add((group.Key, open));
            }
        }

        return shares;
    }

    // The rows of silent heads; those of a value only where every head that it serves is silent.
    private static void Close(bool[] open, HeadMask mask, HeadRows rows, bool byKeyHead)
    {
        for (var h = 0; h < (byKeyHead ? mask.Heads.KeyHeads : mask.Heads.Heads); h++)
        {
            if (byKeyHead ? Enumerable.Range(0, mask.Heads.Heads).Where(q => mask.Heads.KeyHeadOf(q) == h).All(q => mask.Silent[q]) : mask.Silent[h])
            {
                Array.Clear(open, (int)rows.Of(h), mask.Heads.Size);
            }
        }
    }
}
