using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Inputs.Audio;
using Microsoft.ML.Peft.Tests.Checkpoints;

namespace Microsoft.ML.Peft.Tests.Inputs.Audio;

[TestClass]
public sealed class AudioTests
{
    private const double Tolerance = 1e-3;

    [TestMethod]
    public void Files_are_decoded()
    {
        foreach (var item in AudioCases.Of("decode"))
        {
            var clip = AudioClip.Load(AudioCases.PathOf(item.GetProperty("file").GetString()!));
            Assert.AreEqual(item.GetProperty("rate").GetInt32(), clip.SampleRate);
            var expected = AudioCases.Numbers(item);
            if (item.GetProperty("steps") is { ValueKind: System.Text.Json.JsonValueKind.Number } steps)
                Assert.IsLessThan(1.0 / steps.GetInt64() + 1e-6, AudioCases.Difference(expected, clip.Samples), item.ToString());
            else
                Assert.IsGreaterThan(0.98, Likeness(expected, clip.Samples.ToArray()), item.ToString());
        }
    }

    [TestMethod]
    public void Resampling_is_torchaudios()
    {
        foreach (var item in AudioCases.Of("resample"))
        {
            var clip = AudioClip.FromSamples(AudioCases.Numbers(item.GetProperty("input")), item.GetProperty("from").GetInt32());
            // This torchaudio makes its filter in 32 bits.
            Assert.IsLessThan(2e-4, AudioCases.Difference(AudioCases.Numbers(item), clip.Resample(item.GetProperty("to").GetInt32()).Samples), item.ToString());
        }
    }

    [TestMethod]
    public void Log_mel_energies_are_kaldis()
    {
        foreach (var item in AudioCases.Of("fbank"))
        {
            var processor = new AstProcessor(item.GetProperty("bands").GetInt32(), sampleRate: item.GetProperty("rate").GetInt32());
            Assert.IsLessThan(Tolerance, AudioCases.Difference(AudioCases.Numbers(item), processor.Energies(AudioCases.Numbers(item.GetProperty("input")))), item.ToString());
        }
    }

    [TestMethod]
    public void Log_mel_spectrograms_are_whispers()
    {
        foreach (var item in AudioCases.Of("whisper"))
        {
            var processor = new WhisperProcessor(item.GetProperty("bands").GetInt32(), 1, 16000, item.GetProperty("hop").GetInt32(), item.GetProperty("size").GetInt32());
            var features = processor.Process(AudioClip.FromSamples(AudioCases.Numbers(item.GetProperty("input")), 16000));
            Assert.IsLessThan(Tolerance, AudioCases.Difference(AudioCases.Numbers(item), features.Values), item.ToString());
        }
    }

    [TestMethod]
    public void Padding_counts_where_the_model_has_no_mask()
    {
        var (a, b) = (AudioClip.FromSamples([1f, 3f], 16000), AudioClip.FromSamples([1f, -1f, 2f, 2f], 16000));
        var masked = new SampleProcessor(returnMask: true, padding: 5);
        using var batch = masked.Batch([masked.Process(a), masked.Process(b)]);
        CollectionAssert.AreEqual(new long[] { 2, 4 }, batch.ValueLengths!.ToArray());
        Assert.IsLessThan(1e-5, AudioCases.Difference([-1, 1, 5, 5], batch.Values![0].data<float>().ToArray()));
        var plain = new SampleProcessor();
        using var whole = plain.Batch([plain.Process(a), plain.Process(b)]);
        Assert.IsNull(whole.ValueLengths);
        // 1, 3, 0, 0 has the mean 1 and the variance 1.5.
        Assert.IsLessThan(1e-5, AudioCases.Difference([0, 1.6329931f, -0.81649658f, -0.81649658f], whole.Values![0].data<float>().ToArray()));
    }

    [TestMethod]
    public void Settings_and_clips_are_checked()
    {
        Assert.ThrowsExactly<ArgumentException>(() => new AstProcessor().Process(AudioClip.FromSamples(new float[399], 16000)));
        Assert.ThrowsExactly<ArgumentException>(() => AudioClip.FromSamples([0, float.NaN], 16000));
        Assert.ThrowsExactly<ArgumentException>(() => AudioClip.FromSamples([0, 1, 0], 16000, 2));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AudioClip.FromSamples([], 16000));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => AudioClip.FromSamples([0], 0));
        Assert.ThrowsExactly<ArgumentException>(() => AudioClip.FromSamples(new float[1000], 1).Resample(768_000));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new AstProcessor(bands: 0));
        Assert.ThrowsExactly<ArgumentException>(() => new WhisperProcessor(transformSize: 401));
        using var folder = new TemporaryFolder();
        Assert.AreEqual(ModelFormatError.MissingFile, Assert.ThrowsExactly<ModelFormatException>(() => AudioProcessor.Load(folder.Path)).Error);
        folder.Write("preprocessor_config.json", """{"feature_extractor_type":"EncodecFeatureExtractor"}""");
        Assert.AreEqual(ModelFormatError.Unsupported, Assert.ThrowsExactly<ModelFormatException>(() => AudioProcessor.Load(folder.Path)).Error);
        folder.Write("preprocessor_config.json", """{"feature_extractor_type":"WhisperFeatureExtractor","hop_length":0}""");
        StringAssert.Contains(Assert.ThrowsExactly<ModelFormatException>(() => AudioProcessor.Load(folder.Path)).Message, "hop is 0");
        Assert.ThrowsExactly<InputFormatException>(() => AudioClip.Decode("RIFF is not enough"u8));
        Assert.ThrowsExactly<InputFormatException>(() => AudioClip.Decode([]));
    }

    /// <summary>The largest correlation over small shifts: lossy codecs delay.</summary>
    private static double Likeness(float[] expected, float[] actual) => Enumerable.Range(0, 2500).Max(shift =>
    {
        double product = 0, left = 1e-9, right = 1e-9;
        for (var i = 0; i < expected.Length && i + shift < actual.Length; i++)
        {
            product += expected[i] * actual[i + shift];
            left += expected[i] * expected[i];
            right += actual[i + shift] * actual[i + shift];
        }
        return product / Math.Sqrt(left * right);
    });
}
