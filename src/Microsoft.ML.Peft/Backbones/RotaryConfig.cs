using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Reads the rotary embedding of a config.json: <c>rope_parameters</c>, or the older <c>rope_theta</c> and <c>rope_scaling</c>.</summary>
internal static class RotaryConfig
{
    private const string Trained = "original_max_position_embeddings";

    /// <summary>The embedding of heads of a size, and the longest input that it is made for.</summary>
    /// <exception cref="Checkpoints.ModelFormatException">The settings are not valid or of a kind that is not supported.</exception>
    public static (RotaryEmbedding Embedding, int MaxLength) Read(ModelConfig config, int headSize, double missingTheta = 10000)
    {
        var (key, section) = config.Section("rope_parameters") is { } now ? ("rope_parameters", now) : ("rope_scaling", config.Section("rope_scaling"));
        var theta = section?.Has("rope_theta") == true
            ? section.Number("rope_theta", 1, 1e12, missingTheta)
            : config.Number("rope_theta", 1, 1e12, missingTheta);
        var share = section?.Has("partial_rotary_factor") == true
            ? section.Number("partial_rotary_factor", 0, 1, 1)
            : config.Number("partial_rotary_factor", 0, 1, 1);
        var features = (int)(headSize * share);
        if (features < 2 || features % 2 != 0)
        {
            throw config.Wrong("partial_rotary_factor", $"such that an even count of at least 2 of the {headSize} features of a head are turned");
        }

        var longest = config.Int("max_position_embeddings", 1, 1 << 30);
        var plain = RotaryFrequencies.Plain(features, theta);
        if (section is null)
        {
            return (new(new RotaryFrequencies(plain)), longest);
        }

        var trained = section.Has(Trained) ? section.Int(Trained, 2, 1 << 30) : config.Int(Trained, 2, 1 << 30, longest);
        var shape = new RotaryShape(section, plain, theta, trained, longest);
        var frequencies = Kind(section) switch
        {
            "default" => new RotaryFrequencies(plain),
            "linear" => RotaryScaling.Linear(shape),
            "dynamic" => RotaryScaling.Dynamic(shape),
            "yarn" => RotaryScaling.Yarn(shape),
            "longrope" => RotaryScaling.LongRope(shape),
            "llama3" => section.Has(Trained) ? RotaryScaling.Llama3(shape) : throw section.Wrong(Trained, "a whole number from 2 to 1073741824"),
            _ => throw config.Wrong(key, "of the type \"default\", \"linear\", \"dynamic\", \"yarn\", \"longrope\" or \"llama3\", the kinds that are supported"),
        };

        // Older files give the length that the model was trained with; the factor says how much longer an input may be.
        var stretched = section.Has("factor") ? Math.Min((long)(trained * section.Number("factor", 1e-6, 1e6, 1)), 1 << 30) : longest;
        return (new(frequencies), (int)Math.Max(longest, stretched));
    }

    // The first Phi-3 models call long-range scaling "su", or "yarn".
    private static string Kind(ModelConfig section)
    {
        var kind = section.Has("rope_type") ? section.Text("rope_type") : section.Text("type", "default");
        return kind == "su" || (kind == "yarn" && section.Has("long_factor")) ? "longrope" : kind;
    }
}
