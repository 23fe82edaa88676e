using System.Text.Json.Serialization;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings of a method whose layers share frozen random matrices (<see cref="SharedProjections"/>).</summary>
public abstract record SharedProjectionOptions : BiasedOptions
{
    /// <summary>Seed of the shared matrices. Default 0.</summary>
    [JsonPropertyName("projection_prng_key")]
    public long ProjectionKey { get; init; }

    /// <summary>Write the shared matrices into files; without them they are drawn again from the seed. Default true.</summary>
    [JsonPropertyName("save_projection")]
    public bool SaveProjection { get; init; } = true;
}
