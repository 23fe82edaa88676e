namespace Microsoft.ML.Peft.Layers;

/// <summary>How fast a <see cref="RotaryEmbedding"/> turns each pair of features.</summary>
/// <param name="Usual">Radians a position, one for each pair.</param>
internal sealed record RotaryFrequencies(float[] Usual)
{
    /// <summary>Longest input with <see cref="Usual"/> frequencies; longer ones have those of <see cref="Beyond"/>.</summary>
    public long UsualLength { get; init; } = long.MaxValue;

    /// <summary>Frequencies of inputs longer than <see cref="UsualLength"/>, by their length.</summary>
    public Func<long, float[]>? Beyond { get; init; }

    /// <summary>Factor of every cosine and sine: the scores of queries and keys grow by its square. Default 1.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>True if keys of shorter inputs cannot serve longer ones, because all long inputs have one other set of frequencies.</summary>
    public bool TwoSets { get; init; }

    /// <summary>The frequencies of an input of a length.</summary>
    public float[] Of(long length) => length > UsualLength ? Beyond!(length) : Usual;

    /// <summary>Frequencies <c>θ^(−2i/n)</c> for n features.</summary>
    public static float[] Plain(int features, double theta)
        => [.. Enumerable.Range(0, features / 2).Select(i => (float)Math.Pow(theta, -2.0 * i / features))];
}
