namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>How a method changes the model; decides which operations it can take part in.</summary>
public enum AdapterFamily
{
    /// <summary>Adds a low-rank product to a weight.</summary>
    LowRank,
}

/// <summary>The registry row of a method, written on its options.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class AdapterMethodAttribute : Attribute
{
    /// <summary>Names the method as <c>peft_type</c> of adapter_config.json does.</summary>
    public AdapterMethodAttribute(string name, AdapterFamily family) => (Name, Family) = (name, family);

    /// <summary>The name in files, upper case.</summary>
    public string Name { get; }

    /// <summary>The family.</summary>
    public AdapterFamily Family { get; }

    /// <summary>The paper, as <c>arXiv:…</c>.</summary>
    public string? Paper { get; init; }

    /// <summary>True if it can be merged into the base weight without loss.</summary>
    public bool Merges { get; init; }
}
