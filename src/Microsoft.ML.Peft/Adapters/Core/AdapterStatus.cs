namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What the adapters of a collection do at one place of the model.</summary>
/// <param name="Path">The layer or block, as Hugging Face names it; empty for what belongs to the whole model.</param>
/// <param name="Kind">What stands there: <c>LinearLayer</c>, <c>EmbeddingLayer</c>, …, <c>Block</c> or <c>Model</c>.</param>
/// <param name="Available">Names of the adapters that have a part there.</param>
/// <param name="Active">Those that act.</param>
/// <param name="Merged">Those that are merged into the weight.</param>
/// <param name="TrainableCounts">Count of trained numbers there by name of the adapter; a number that several places share counts at each.</param>
public sealed record AdapterLayerStatus(
    string Path,
    string Kind,
    IReadOnlyList<string> Available,
    IReadOnlyList<string> Active,
    IReadOnlyList<string> Merged,
    IReadOnlyDictionary<string, long> TrainableCounts);

/// <summary>What the adapters of a collection do to the model.</summary>
/// <param name="ModelType">The base model's architecture.</param>
/// <param name="Methods">Method by name of the adapter, as <c>peft_type</c> names it; null for one that trains copies alone.</param>
/// <param name="TrainableCounts">Count of trained numbers by name of the adapter.</param>
/// <param name="TotalCount">Count of all numbers: the base model's and the adapters'.</param>
/// <param name="AdaptedPlaces">Count of places with a part of an adapter.</param>
/// <param name="Active">Names of the adapters that act, in their order.</param>
/// <param name="Merged">Those that are merged.</param>
/// <param name="IsEnabled">False within <see cref="AdapterCollection.Disable"/>.</param>
/// <param name="Devices">Where the base model's weights are.</param>
public sealed record AdapterModelStatus(
    string ModelType,
    IReadOnlyDictionary<string, string?> Methods,
    IReadOnlyDictionary<string, long> TrainableCounts,
    long TotalCount,
    int AdaptedPlaces,
    IReadOnlyList<string> Active,
    IReadOnlyList<string> Merged,
    bool IsEnabled,
    IReadOnlyList<string> Devices);
