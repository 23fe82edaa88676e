using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>What a stretched rotary embedding is computed from.</summary>
/// <param name="Section">The settings of the kind.</param>
/// <param name="Plain">Frequencies before stretching.</param>
/// <param name="Theta">The base θ.</param>
/// <param name="Trained">Length that the model was first trained with.</param>
/// <param name="Longest">Length that it is said to take.</param>
internal sealed record RotaryShape(ModelConfig Section, float[] Plain, double Theta, int Trained, int Longest)
{
    /// <summary>How much longer inputs become.</summary>
    public double Factor => Section.Has("factor") ? Section.Number("factor", 1, 1e6, 1) : throw Section.Wrong("factor", "a number from 1 to 1000000");
}

/// <summary>The ways in which published models stretch rotary positions over longer inputs than they were trained with.</summary>
internal static class RotaryScaling
{
    /// <summary>Every frequency divided by the factor. Source: Chen et al. 2023, arXiv:2306.15595.</summary>
    public static RotaryFrequencies Linear(RotaryShape shape)
    {
        var factor = shape.Factor;
        return new([.. shape.Plain.Select(f => (float)(f / factor))]);
    }

    /// <summary>For an input of L tokens, more than the trained M: <c>θ·(s·L/M − s + 1)^(n/(n − 2))</c> in place of θ, s the factor.</summary>
    public static RotaryFrequencies Dynamic(RotaryShape shape)
    {
        var (factor, trained, features) = (shape.Factor, (double)shape.Trained, 2 * shape.Plain.Length);
        if (features == 2)
        {
            throw shape.Section.Wrong("rope_type", "another kind than \"dynamic\" where only 2 features of a head are turned");
        }

        return new(shape.Plain)
        {
            UsualLength = shape.Trained,
            Beyond = length => RotaryFrequencies.Plain(
                features, shape.Theta * Math.Pow((factor * length / trained) - factor + 1, features / (features - 2.0))),
        };
    }

    /// <summary>YaRN: long waves are divided by the factor, short ones kept, those between mixed; and scores grow.</summary>
    /// <remarks>A pair is between if its wave fits between <c>beta_slow</c> and <c>beta_fast</c> times into the trained length.
    /// Source: Peng et al. 2023, arXiv:2309.00071, §3.</remarks>
    public static RotaryFrequencies Yarn(RotaryShape shape)
    {
        var section = shape.Section;
        var factor = section.Has("factor") ? shape.Factor : Math.Max((double)shape.Longest / shape.Trained, 1);
        var (fast, slow) = (section.Number("beta_fast", 1e-6, 1e6, 32), section.Number("beta_slow", 1e-6, 1e6, 1));
        if (fast < slow)
        {
            throw section.Wrong("beta_fast", FormattableString.Invariant($"at least beta_slow, which is {slow}"));
        }

        if (shape.Theta == 1)
        {
            throw section.Wrong("rope_theta", "above 1 for \"yarn\"");
        }

        var (first, last) = (Pair(fast), Pair(slow));
        if (section.Flag("truncate", true))
        {
            (first, last) = (Math.Floor(first), Math.Ceiling(last));
        }

        (first, last) = (Math.Max(first, 0), Math.Min(last, (2 * shape.Plain.Length) - 1));
        var width = first == last ? 0.001 : last - first;
        return new([.. shape.Plain.Select((f, i) =>
        {
            var stretched = Math.Clamp((i - first) / width, 0, 1);
            return (float)((stretched * f / factor) + ((1 - stretched) * f));
        })])
        {
            Scale = section.Has("attention_factor") ? section.Number("attention_factor", 1e-6, 1e6, 1) : YarnScale(section, factor),
        };

        // Where among the pairs a wave fits that often into the trained length.
        double Pair(double turns) => shape.Plain.Length * Math.Log(shape.Trained / (turns * 2 * Math.PI)) / Math.Log(shape.Theta);
    }

    /// <summary>LongRoPE: one divisor for each pair, of two lists: one for inputs up to the trained length, one for longer ones.</summary>
    /// <remarks>Source: Ding et al. 2024, arXiv:2402.13753.</remarks>
    public static RotaryFrequencies LongRope(RotaryShape shape)
    {
        var section = shape.Section;
        var factor = section.Has("factor") ? shape.Factor : (double)shape.Longest / shape.Trained;
        var longer = Divided("long_factor");
        return new(Divided("short_factor"))
        {
            UsualLength = shape.Trained,
            Beyond = _ => longer,
            TwoSets = true,
            Scale = section.Has("attention_factor") ? section.Number("attention_factor", 1e-6, 1e6, 1)
                : factor <= 1 ? 1
                : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(shape.Trained))),
        };

        float[] Divided(string key)
        {
            var divisors = section.Numbers(key, 1e-6, 1e6);
            return divisors.Length == shape.Plain.Length
                ? [.. shape.Plain.Zip(divisors, (f, d) => (float)(f / d))]
                : throw section.Wrong(key, $"a list of {shape.Plain.Length} numbers, one for each pair of features that is turned");
        }
    }

    /// <summary>Llama 3: long waves are divided by the factor, short ones kept, and those between are mixed by how often they fit into
    /// the trained length.</summary>
    public static RotaryFrequencies Llama3(RotaryShape shape)
    {
        var (section, factor) = (shape.Section, shape.Factor);
        var (low, high) = (section.Number("low_freq_factor", 1e-6, 1e6, 1), section.Number("high_freq_factor", 1e-6, 1e6, 4));
        if (high <= low)
        {
            throw section.Wrong("high_freq_factor", FormattableString.Invariant($"above low_freq_factor, which is {low}"));
        }

        return new([.. shape.Plain.Select(f =>
        {
            var turns = shape.Trained * f / (2 * Math.PI); // how often the wave fits
            var kept = Math.Clamp((turns - low) / (high - low), 0, 1);
            return (float)(((1 - kept) * f / factor) + (kept * f));
        })]);
    }

    // §3.4 of the paper, with the two weights of DeepSeek's models where they are given.
    private static double YarnScale(ModelConfig section, double factor)
    {
        var (upper, lower) = (section.Number("mscale", 0, 1e3, 0), section.Number("mscale_all_dim", 0, 1e3, 0));
        return upper > 0 && lower > 0 ? Of(upper) / Of(lower) : Of(1);

        double Of(double weight) => factor <= 1 ? 1 : (0.1 * weight * Math.Log(factor)) + 1;
    }
}
