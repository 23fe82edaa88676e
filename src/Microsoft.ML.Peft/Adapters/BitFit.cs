using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>BitFit: the biases of a model are trained, all of them or those of chosen layers, and nothing else.</summary>
/// <remarks>
/// <para>Each bias is trained as a copy, on layers of every kind. Starts as the identity; merges exactly. In files a bias has its name in the
/// model. The paper's smaller form trains the biases of the queries and of the first feed-forward layers: for BERT
/// <c>TargetModules = ["query", "intermediate.dense"]</c>.</para>
/// <para>Source: Ben-Zaken, Ravfogel and Goldberg 2022, arXiv:2106.10199.</para>
/// </remarks>
[AdapterMethod(
    "BITFIT", AdapterFamily.Selective, Title = "BitFit", Paper = "arXiv:2106.10199", Formula = "biases' own b", Trained = "out", InHuggingFace = false, Merges = true)]
public sealed record BitFitOptions : AdapterOptions
{
    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool HasTargets => TargetModules is not null;

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override string TrainedBiases => TargetModules is null ? "all" : "none";

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => layer.FrozenBias is not null;

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
    {
        if (TargetModules is null && !build.Backbone.Layers.Any(layer => layer.FrozenBias is not null))
        {
            throw new PeftException($"A model of type '{build.Backbone.Config.ModelType}' has no biases that BitFit could train; take another method.");
        }

        return build.Targets.Select(layer => TrainedBias.Of(layer, adapted: false)!);
    }
}
