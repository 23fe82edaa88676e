using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>What the share of layers with a pair of their own counts of.</summary>
[JsonConverter(typeof(NameConverter<DiffoRaSelection>))]
public enum DiffoRaSelection
{
    /// <summary>Of each block.</summary>
    PerLayer,

    /// <summary>Of the whole model.</summary>
    Global,
}

/// <summary>How a logit becomes a weight.</summary>
[JsonConverter(typeof(NameConverter<DiffoRaRelaxation>))]
public enum DiffoRaRelaxation
{
    /// <summary>Softmax over the candidates of a block.</summary>
    Softmax,

    /// <summary>σ of each on its own.</summary>
    Sigmoid,
}
