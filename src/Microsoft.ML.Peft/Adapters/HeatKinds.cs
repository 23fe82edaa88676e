using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>What the importance of a head is measured of.</summary>
[JsonConverter(typeof(NameConverter<HeadImportance>))]
public enum HeadImportance
{
    /// <summary>What the head gives: the gradient by its mask.</summary>
    Activation,

    /// <summary>The frozen weights of its query, key and value, and of the layer after it if asked for.</summary>
    Weight,

    /// <summary>Its share of the LoRA update of query and value.</summary>
    Adapter,
}

/// <summary>How the products of gradient and number become one number a batch.</summary>
[JsonConverter(typeof(NameConverter<HeadReduction>))]
public enum HeadReduction
{
    /// <summary>The size of their sum.</summary>
    AbsSum,

    /// <summary>The sum of their sizes.</summary>
    SumAbs,

    /// <summary>The square of their sum.</summary>
    Sq,
}

/// <summary>Among which heads the least important ones are looked for.</summary>
[JsonConverter(typeof(NameConverter<HeadSelection>))]
public enum HeadSelection
{
    /// <summary>Those of a block.</summary>
    PerLayer,

    /// <summary>Heads of equal index, their scores added over the blocks of as many heads.</summary>
    Accumulated,

    /// <summary>All; each block keeps one.</summary>
    Global,
}

/// <summary>What of a head is silenced.</summary>
[JsonConverter(typeof(NameConverter<HeadMasking>))]
public enum HeadMasking
{
    /// <summary>What it gives.</summary>
    Output,

    /// <summary>Its share of the LoRA update of query and value; what the base model computes stays.</summary>
    Delta,
}
