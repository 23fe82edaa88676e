namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>How a method changes the model.</summary>
public enum AdapterFamily
{
    /// <summary>Adds a low-rank product to a weight.</summary>
    LowRank,

    /// <summary>Adds another structured or sparse matrix to a weight.</summary>
    Additive,

    /// <summary>Multiplies a weight or an activation: scales, rotations, reflections.</summary>
    Multiplicative,

    /// <summary>Trains a part of the base model's own numbers.</summary>
    Selective,

    /// <summary>Adds trained tokens, or keys and values.</summary>
    Prompt,

    /// <summary>Adds small networks between the parts of a block.</summary>
    Bottleneck,

    /// <summary>Mixes several adapters.</summary>
    Mixture,
}

/// <summary>The registry row of a method, written on its options; documentation and checks are made of it.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class AdapterMethodAttribute : Attribute
{
    /// <summary>Names the method as <c>peft_type</c> of adapter_config.json does.</summary>
    public AdapterMethodAttribute(string name, AdapterFamily family) => (Name, Family) = (name, family);

    /// <summary>The name in files, upper case.</summary>
    public string Name { get; }

    /// <summary>The family.</summary>
    public AdapterFamily Family { get; }

    /// <summary>An older name in files, which is read and never written.</summary>
    public string? FormerName { get; init; }

    /// <summary>The name that people use, for example <c>LoRA</c>. Default: <see cref="Name"/>.</summary>
    public string? Title { get; init; }

    /// <summary>The paper, as <c>arXiv:…</c>, or authors, year and place.</summary>
    public string? Paper { get; init; }

    /// <summary>What the method computes, in one line: <c>W + (α/r)·B·A</c>.</summary>
    public string? Formula { get; init; }

    /// <summary>Count of trained numbers of one layer (in → out), in one line: <c>r·(in + out)</c>.</summary>
    public string? Trained { get; init; }

    /// <summary>True if HF PEFT has the method, so that files go both ways.</summary>
    public bool InHuggingFace { get; init; }

    /// <summary>True if it can be merged into the base weight without loss.</summary>
    public bool Merges { get; init; }

    /// <summary>True if rows of one batch can go through different adapters of the method. Default true.</summary>
    public bool MixesInBatch { get; init; } = true;

    /// <summary>True if nothing in the method needs the stored form of a weight, so that it would work on a quantised base; none is read yet. Default true.</summary>
    public bool OnQuantized { get; init; } = true;
}
