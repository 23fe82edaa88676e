namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>Random changes of training sound. Equal random numbers give equal results.</summary>
public sealed record AudioAugmentation
{
    /// <summary>Seconds that a random crop keeps, above 0; longer clips only are cut. Null, the default, cuts none.</summary>
    public double? CropSeconds { get; init; }

    /// <summary>Stretches of time that SpecAugment (Park et al., 2019) blanks, 0 to 100. Default 0.</summary>
    public int TimeMasks { get; init; }

    /// <summary>Most frames of such a stretch, 1 or more; it has 0 to as many. Default 100.</summary>
    public int TimeMaskFrames { get; init; } = 100;

    /// <summary>Stretches of mel bands that SpecAugment blanks, 0 to 100. Default 0.</summary>
    public int BandMasks { get; init; }

    /// <summary>Most bands of such a stretch, 1 or more. Default 27.</summary>
    public int BandMaskWidth { get; init; } = 27;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">One is outside its range.</exception>
    public void Validate()
    {
        if (CropSeconds is { } seconds)
            Guard.Positive(seconds, nameof(CropSeconds));
        Guard.InRange(TimeMasks, 0, 100);
        Guard.AtLeast(TimeMaskFrames, 1);
        Guard.InRange(BandMasks, 0, 100);
        Guard.AtLeast(BandMaskWidth, 1);
    }

    /// <summary>Cuts a random part of <see cref="CropSeconds"/> out of a longer clip.</summary>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public AudioClip Crop(AudioClip clip, Random random)
    {
        ArgumentNullException.ThrowIfNull(clip);
        ArgumentNullException.ThrowIfNull(random);
        Validate();
        var length = (int)Math.Clamp((CropSeconds ?? double.MaxValue) * clip.SampleRate, 1, clip.Samples.Length);
        return length == clip.Samples.Length ? clip : clip.Slice(random.Next(clip.Samples.Length - length + 1), length);
    }

    /// <summary>Blanks random stretches of a spectrogram with its mean, as SpecAugment does.</summary>
    /// <param name="features">A spectrogram; it is not changed.</param>
    /// <param name="timeIsRows">True where rows are frames, as AST has them; false where rows are bands, as Whisper has them.</param>
    /// <param name="random">Where random numbers come from.</param>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public AudioFeatures Mask(AudioFeatures features, bool timeIsRows, Random random)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(random);
        Validate();
        double sum = 0;
        foreach (var value in features.Values)
            sum += value;
        var mean = (float)(sum / features.Values.Length);
        var masked = features with { Values = [.. features.Values] };
        for (var i = 0; i < TimeMasks; i++)
            Blank(masked, timeIsRows, TimeMaskFrames, mean, random);
        for (var i = 0; i < BandMasks; i++)
            Blank(masked, !timeIsRows, BandMaskWidth, mean, random);
        return masked;
    }

    private static void Blank(AudioFeatures features, bool isRows, int most, float mean, Random random)
    {
        var length = isRows ? features.Rows : features.Columns;
        var width = random.Next((int)Math.Min(length, (long)most) + 1);
        var first = random.Next(length - width + 1);
        if (isRows)
        {
            features.Values.AsSpan(first * features.Columns, width * features.Columns).Fill(mean);
            return;
        }
        for (var row = 0; row < features.Rows; row++)
            features.Values.AsSpan((row * features.Columns) + first, width).Fill(mean);
    }
}
