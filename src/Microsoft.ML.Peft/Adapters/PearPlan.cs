namespace Microsoft.ML.Peft.Adapters;

/// <summary>Which places PEAR prunes, and which serve them.</summary>
internal static class PearPlan
{
    /// <summary>The ⌊ρ·N⌋ least important places; of equal ones the deeper is kept.</summary>
    public static List<PearSite> Pruned(PearOptions options, IReadOnlyList<PearSite> sites)
    {
        if (options.Scope == PearScope.Kind)
        {
            return [.. sites.GroupBy(site => site.Kind).SelectMany(kind => Ascending(kind).Take(Count(kind.Count())))];
        }

        var left = sites.GroupBy(site => site.Kind).ToDictionary(kind => kind.Key, kind => kind.Count());
        var pruned = new List<PearSite>();
        foreach (var site in Ascending(sites))
        {
            if (pruned.Count < Count(sites.Count) && left[site.Kind] > 1)
            {
                pruned.Add(site);
                left[site.Kind]--;
            }
        }

        return pruned;

        int Count(int all) => (int)(options.PruneRatio * all);

        static IEnumerable<PearSite> Ascending(IEnumerable<PearSite> some) => some.OrderBy(site => site.Importance).ThenBy(site => site.Depth);
    }

    /// <summary>The place that serves each pruned one; none for plain pruning.</summary>
    public static Dictionary<PearSite, PearSite> Donors(PearOptions options, IReadOnlyList<PearSite> sites, IReadOnlyCollection<PearSite> pruned)
    {
        var donors = new Dictionary<PearSite, PearSite>();
        foreach (var kind in options.Share == PearSharing.None ? [] : sites.GroupBy(site => site.Kind))
        {
            var kept = Descending(kind.Except(pruned)).ToList();
            foreach (var (site, k) in Descending(kind.Intersect(pruned)).Select((site, k) => (site, k)))
            {
                donors[site] = options.Share switch
                {
                    PearSharing.Ranked => kept[k % kept.Count],
                    PearSharing.Nearest => kept.MinBy(other => Math.Abs(other.Depth - site.Depth))!, // the first of them is the most important
                    _ => kept[0],
                };
            }
        }

        return donors;

        static IEnumerable<PearSite> Descending(IEnumerable<PearSite> some) => some.OrderByDescending(site => site.Importance).ThenByDescending(site => site.Depth);
    }
}
