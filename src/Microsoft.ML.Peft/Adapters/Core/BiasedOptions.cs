using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings of a method that can train biases beside it.</summary>
public abstract record BiasedOptions : AdapterOptions
{
    /// <summary>Which biases are trained too: <c>none</c>, <c>all</c>, or <c>…_only</c>, with the method's name in lower case, for those of the
    /// adapted layers. Default <c>none</c>.</summary>
    [JsonPropertyName("bias")]
    public string Bias { get; init; } = "none";

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override string TrainedBiases => Bias;
}
