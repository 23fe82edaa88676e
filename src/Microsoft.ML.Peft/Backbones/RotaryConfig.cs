using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Reads the rotary embedding of a config.json: <c>rope_parameters</c>, or the older <c>rope_theta</c> and <c>rope_scaling</c>.</summary>
internal static class RotaryConfig
{
    /// <summary>The embedding of heads of a size.</summary>
    /// <exception cref="Checkpoints.ModelFormatException">The settings are not valid or of a kind that is not supported.</exception>
    public static RotaryEmbedding Read(ModelConfig config, int headSize)
    {
        var (key, section) = config.Section("rope_parameters") is { } now ? ("rope_parameters", now) : ("rope_scaling", config.Section("rope_scaling"));
        var theta = section?.Has("rope_theta") == true
            ? section.Number("rope_theta", 1, 1e12, 10000)
            : config.Number("rope_theta", 1, 1e12, 10000);
        var share = section?.Has("partial_rotary_factor") == true
            ? section.Number("partial_rotary_factor", 0, 1, 1)
            : config.Number("partial_rotary_factor", 0, 1, 1);
        var features = (int)(headSize * share);
        if (features < 2 || features % 2 != 0)
        {
            throw config.Wrong("partial_rotary_factor", $"such that an even count of at least 2 of the {headSize} features of a head are turned");
        }

        var frequencies = RotaryEmbedding.Frequencies(features, theta);
        var kind = section is null ? "default" : section.Has("rope_type") ? section.Text("rope_type") : section.Text("type", "default");
        return new RotaryEmbedding(kind switch
        {
            "default" => frequencies,
            "linear" => [.. frequencies.Select(f => (float)(f / Factor(section!)))],
            "llama3" => Llama3(frequencies, section!),
            _ => throw config.Wrong(key, "of the type \"default\", \"linear\" or \"llama3\", the kinds that are supported"),
        });
    }

    private static double Factor(ModelConfig section)
        => section.Has("factor") ? section.Number("factor", 1, 1e6, 1) : throw section.Wrong("factor", "a number from 1 to 1000000");

    // Long waves are stretched by the factor, short ones kept, and those between are mixed by how often they fit into the
    // length that the model was first trained with.
    private static float[] Llama3(float[] frequencies, ModelConfig section)
    {
        var factor = Factor(section);
        var (low, high) = (section.Number("low_freq_factor", 1e-6, 1e6, 1), section.Number("high_freq_factor", 1e-6, 1e6, 4));
        var trained = section.Int("original_max_position_embeddings", 1, 1 << 30);
        if (high <= low)
        {
            throw section.Wrong("high_freq_factor", FormattableString.Invariant($"above low_freq_factor, which is {low}"));
        }

        return [.. frequencies.Select(f =>
        {
            var turns = trained * f / (2 * Math.PI); // how often the wave fits
            var kept = Math.Clamp((turns - low) / (high - low), 0, 1);
            return (float)(((1 - kept) * f / factor) + (kept * f));
        })];
    }
}
