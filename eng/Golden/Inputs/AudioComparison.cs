using System.Globalization;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Audio;
using static TorchSharp.torch;

namespace Peft.Golden.Inputs;

/// <summary>Compares feature extractors and resampling with recorded numbers.</summary>
internal static class AudioComparison
{
    private const double Most = 1e-3;
    private const string Mono = "mono16k.wav";
    private const string Stereo = "stereo44k.wav";

    public static IEnumerable<InputResult> Run(string folder)
    {
        var path = Path.Combine(folder, "expected.safetensors");
        if (!File.Exists(path))
            yield break;
        using var recorded = SafetensorsReader.Open(path);
        foreach (var key in recorded.Entries.Keys.Order(StringComparer.Ordinal))
            yield return InputComparison.Try("audio", key, () => Compare(folder, key, recorded));
    }

    private static string Compare(string folder, string key, SafetensorsReader recorded)
    {
        using var scope = NewDisposeScope();
        var expected = recorded.Read(key);
        var actual = Compute(folder, key);
        if (!expected.shape.AsSpan().SequenceEqual(actual.shape))
            return $"the shape is ({string.Join(", ", actual.shape)}), recorded is ({string.Join(", ", expected.shape)})";
        var difference = (expected.to(float64) - actual.to(float64)).abs().max().item<double>();
        return difference <= Most ? "" : FormattableString.Invariant($"differs by {difference:0.0e+00}; at most {Most} is allowed");
    }

    private static Tensor Compute(string folder, string key)
    {
        if (key == "kaldi_fbank")
        {
            var processor = new AstProcessor(bands: 128);
            var energies = processor.Energies(AudioClip.Load(Path.Combine(folder, Mono)).Samples);
            return tensor(energies, [energies.Length / processor.Bands, processor.Bands]);
        }
        if (key.Split('_') is ["resample", var from, var to])
        {
            var clip = AudioClip.Load(Path.Combine(folder, Stereo));
            if (clip.SampleRate.ToString(CultureInfo.InvariantCulture) != from)
                throw new NotSupportedException($"{Stereo} has {clip.SampleRate} samples a second, not {from}.");
            return tensor(clip.Resample(int.Parse(to, CultureInfo.InvariantCulture)).Samples.ToArray());
        }
        if (!Directory.Exists(Path.Combine(folder, key)))
            throw new NotSupportedException($"there is no folder {key} beside it that says what computes it.");
        var extractor = AudioProcessor.Load(Path.Combine(folder, key));
        var batch = extractor.Batch([extractor.Process(AudioClip.Load(Path.Combine(folder, Mono)))]);
        return batch.Values![0];
    }
}
