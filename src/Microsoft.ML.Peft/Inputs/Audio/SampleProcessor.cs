using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>The front end of Wav2Vec2 and HuBERT: samples, normalised to mean 0 and variance 1 and padded to the longest of a batch.</summary>
/// <remarks>A model that was trained without a mask takes padding for silence: there, as in Hugging Face's extractor, padding counts in
/// mean and variance.</remarks>
public sealed class SampleProcessor : AudioProcessor
{
    private const double Smallest = 1e-7; // added to the variance

    /// <summary>Makes a processor.</summary>
    /// <param name="sampleRate">Samples a second, in Hz.</param>
    /// <param name="normalise">Whether to map x to (x − mean) / √(variance + 1e-7).</param>
    /// <param name="returnMask">Whether the model is told where padding begins.</param>
    /// <param name="padding">What fills short clips.</param>
    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    public SampleProcessor(int sampleRate = 16000, bool normalise = true, bool returnMask = false, double padding = 0)
        : base(sampleRate)
    {
        Guard.InRange(padding, -1e6, 1e6);
        (Normalise, ReturnMask, Padding) = (normalise, returnMask, (float)padding);
    }

    /// <summary>Whether samples are normalised.</summary>
    public bool Normalise { get; }

    /// <summary>Whether <see cref="ModelInputs.ValueLengths"/> is given.</summary>
    public bool ReturnMask { get; }

    /// <summary>What fills short clips.</summary>
    public float Padding { get; }

    /// <inheritdoc/>
    public override ModelInputs Batch(IReadOnlyList<AudioFeatures> features)
    {
        CheckCount(features);
        if (features.FirstOrDefault(f => f.Rows != 1) is { } other)
            throw new ArgumentException($"A clip has {other.Rows} rows; samples have one.", nameof(features));
        var longest = features.Max(f => f.Columns);
        var numbers = new float[checked(features.Count * longest)];
        for (var k = 0; k < features.Count; k++)
        {
            var row = numbers.AsSpan(k * longest, longest);
            features[k].Values.CopyTo(row);
            var real = row[..features[k].Columns];
            row[real.Length..].Fill(Padding);
            if (Normalise)
                Standardise(ReturnMask ? real : row);
        }
        var isPadded = features.Any(f => f.Columns < longest);
        return new ModelInputs
        {
            Values = tensor(numbers, [features.Count, longest]).DetachFromDisposeScope(),
            ValueLengths = ReturnMask && isPadded ? [.. features.Select(f => (long)f.Columns)] : null,
        };
    }

    private protected override AudioFeatures Extract(ReadOnlySpan<float> samples) => new(samples.ToArray(), 1, samples.Length);

    private static void Standardise(Span<float> row)
    {
        double sum = 0, squares = 0;
        foreach (var value in row)
            sum += value;
        var mean = sum / row.Length;
        foreach (var value in row)
            squares += (value - mean) * (value - mean);
        var scale = 1 / Math.Sqrt((squares / row.Length) + Smallest);
        for (var i = 0; i < row.Length; i++)
            row[i] = (float)((row[i] - mean) * scale);
    }
}
