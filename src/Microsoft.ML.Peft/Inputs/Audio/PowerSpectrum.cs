using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>Squared magnitudes of the frequencies in each frame, by libtorch's Fourier transform.</summary>
internal static class PowerSpectrum
{
    /// <summary>Transforms frames that lie one after the other.</summary>
    /// <param name="frames">count·size numbers, windowed; a frame shorter than the transform is filled with zeros by the caller.</param>
    /// <param name="size">Numbers of a frame.</param>
    /// <returns>count·(size/2 + 1) numbers.</returns>
    public static float[] Of(float[] frames, int size)
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var spectrum = fft.rfft(tensor(frames, [frames.Length / size, size]));
        return spectrum.abs().square().data<float>().ToArray();
    }
}
