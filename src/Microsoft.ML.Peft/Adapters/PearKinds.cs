using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Among which parts the least important ones are looked for.</summary>
[JsonConverter(typeof(NameConverter<PearScope>))]
public enum PearScope
{
    /// <summary>Those of a kind: the same name in their blocks, the same shapes.</summary>
    Kind,

    /// <summary>All; each kind keeps one.</summary>
    Global,
}

/// <summary>Which part of its kind serves a place that has lost its own.</summary>
[JsonConverter(typeof(NameConverter<PearSharing>))]
public enum PearSharing
{
    /// <summary>By rank: the most important of the kept serves the most important of the pruned, and so on, in turns.</summary>
    Ranked,

    /// <summary>The one of the nearest block; of two the more important.</summary>
    Nearest,

    /// <summary>The most important one.</summary>
    Top,

    /// <summary>None: plain pruning.</summary>
    None,
}

/// <summary>What is kept of a part that is pruned.</summary>
[JsonConverter(typeof(NameConverter<PearCheckpoint>))]
public enum PearCheckpoint
{
    /// <summary>The part as it was, without training; the file is no smaller then.</summary>
    Frozen,

    /// <summary>Nothing.</summary>
    None,

    /// <summary>The mean of what it added, a vector.</summary>
    Mean,

    /// <summary>Nothing in the file: while training, the donor is drawn towards what the part added.</summary>
    Distil,
}

/// <summary>The factor of a borrowed part.</summary>
[JsonConverter(typeof(NameConverter<PearGate>))]
public enum PearGate
{
    /// <summary>One trained number a place: from 0 with the checkpoints <c>frozen</c> and <c>mean</c>, else from 1.</summary>
    Learned,

    /// <summary>1.</summary>
    Fixed,
}
