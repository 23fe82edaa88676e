namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>What a model takes of one clip: samples, or a spectrogram.</summary>
/// <param name="Values">The numbers, row after row.</param>
/// <param name="Rows">Rows: 1 for samples, frames or bands for a spectrogram.</param>
/// <param name="Columns">Numbers of a row.</param>
public sealed record AudioFeatures(float[] Values, int Rows, int Columns)
{
    /// <summary>By what clips of about one length are found: the count of numbers.</summary>
    public int Length => Values.Length;
}
