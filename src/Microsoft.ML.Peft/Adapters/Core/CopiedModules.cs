namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Modules that an adapter carries as full copies: HF PEFT's <c>modules_to_save</c>.</summary>
/// <param name="Trained">Names of modules that are trained, such as the head.</param>
/// <param name="Kept">Names of modules that are new, and so must be saved, but are not trained.</param>
public sealed record CopiedModules(IReadOnlyList<string> Trained, IReadOnlyList<string> Kept)
{
    /// <summary>Every name, or null where there is none.</summary>
    public IReadOnlyList<string>? Names => Trained.Count + Kept.Count == 0 ? null : [.. Trained, .. Kept];

    /// <summary>The same with more trained modules.</summary>
    public CopiedModules And(IReadOnlyList<string>? trained)
        => trained is null ? this : new([.. Trained.Union(trained.Except(Kept))], Kept);

    /// <summary>Whether a layer is copied (not null) and trained (true).</summary>
    public bool? Of(string path)
        => Contains(Trained, path) ? true : Contains(Kept, path) ? false : null;

    // A module is the layer itself or anything above it. As in HF PEFT it is copied if its path ends with the name,
    // so that 'classifier' takes DistilBERT's 'pre_classifier' along.
    private static bool Contains(IReadOnlyList<string> names, string path)
        => names.Any(name => $"{path}.".Contains($"{name}.", StringComparison.Ordinal));
}
