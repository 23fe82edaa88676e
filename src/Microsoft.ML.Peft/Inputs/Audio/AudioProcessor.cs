using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Inputs.Audio;

/// <summary>Makes what an audio model takes from sound, with the numbers of Hugging Face's feature extractors.</summary>
/// <remarks>Safe to use from several threads.</remarks>
public abstract class AudioProcessor
{
    /// <summary>Name of the file in a model's folder.</summary>
    public const string FileName = "preprocessor_config.json";

    private const long MaxFileBytes = 16L << 20;

    private protected AudioProcessor(int sampleRate)
    {
        Guard.InRange(sampleRate, 1000, AudioClip.MaxSampleRate);
        SampleRate = sampleRate;
    }

    /// <summary>Samples a second that the model was trained on, in Hz; clips of other rates are resampled.</summary>
    public int SampleRate { get; }

    /// <summary>Reads the <c>preprocessor_config.json</c> of a model's folder: of AST, Whisper or Wav2Vec2 (HuBERT too).</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="ModelFormatException">It is missing, damaged, or of an extractor that this library does not have.</exception>
    public static AudioProcessor Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var path = BareFileName.Resolve(folder, FileName, folder);
        return JsonPart.Parse(path, RegularFile.ReadAll(path, MaxFileBytes), Read);
    }

    /// <summary>What the model takes of one clip, whatever its rate.</summary>
    /// <param name="clip">The clip.</param>
    /// <exception cref="ArgumentException">The clip is too short or would become too long.</exception>
    public AudioFeatures Process(AudioClip clip)
    {
        ArgumentNullException.ThrowIfNull(clip);
        return Extract(clip.Resample(SampleRate).Samples);
    }

    /// <summary>Clips as one batch: samples (batch, time), padded to the longest, or spectrograms (batch, rows, columns).</summary>
    /// <param name="features">One clip or more, as <see cref="Process"/> gives them.</param>
    /// <exception cref="ArgumentException">There is no clip, or they do not fit each other.</exception>
    public virtual ModelInputs Batch(IReadOnlyList<AudioFeatures> features)
    {
        CheckCount(features);
        var (rows, columns) = (features[0].Rows, features[0].Columns);
        var numbers = new float[checked(features.Count * rows * columns)];
        for (var k = 0; k < features.Count; k++)
        {
            if ((features[k].Rows, features[k].Columns) != (rows, columns))
                throw new ArgumentException($"Clip {k} has {features[k].Rows} x {features[k].Columns} numbers and clip 0 {rows} x {columns}; a batch needs one size.", nameof(features));
            features[k].Values.CopyTo(numbers, k * rows * columns);
        }
        return new ModelInputs { Values = tensor(numbers, [features.Count, rows, columns]).DetachFromDisposeScope() };
    }

    private protected abstract AudioFeatures Extract(ReadOnlySpan<float> samples);

    private protected static void CheckCount(IReadOnlyList<AudioFeatures> features)
    {
        ArgumentNullException.ThrowIfNull(features);
        if (features.Count == 0)
            throw new ArgumentException("A batch needs at least one clip.", nameof(features));
    }

    private static AudioProcessor Read(JsonPart root)
    {
        var type = root.Get("feature_extractor_type");
        try
        {
            return type.String() switch
            {
                "ASTFeatureExtractor" => new AstProcessor(
                    root.Get("num_mel_bins").Int(128), root.Get("max_length").Int(1024), root.Get("sampling_rate").Int(16000), root.Get("do_normalize").Bool(true),
                    Number(root.Get("mean"), -4.2677393), Number(root.Get("std"), 4.5689974)),
                "WhisperFeatureExtractor" => ReadWhisper(root),
                "Wav2Vec2FeatureExtractor" => ReadSamples(root),
                var other => throw type.Error(
                    $"is '{other}'; this library has the feature extractors of AST, Whisper and Wav2Vec2 (HuBERT).", ModelFormatError.Unsupported),
            };
        }
        catch (ArgumentException e)
        {
            throw root.Error($"has a setting outside its range: {e.Message}");
        }
    }

    private static WhisperProcessor ReadWhisper(JsonPart root)
    {
        if (Number(root.Get("dither"), 0) != 0)
            throw root.Get("dither").Error("must be 0; features with noise in them are not made.", ModelFormatError.Unsupported);
        return new(
            root.Get("feature_size").Int(80), root.Get("chunk_length").Int(30), root.Get("sampling_rate").Int(16000),
            root.Get("hop_length").Int(160), root.Get("n_fft").Int(400));
    }

    private static SampleProcessor ReadSamples(JsonPart root)
    {
        if (root.Get("feature_size").Int(1) != 1 || root.Get("padding_side").String("right") != "right")
            throw root.Error("must have the feature_size 1 and the padding_side right.", ModelFormatError.Unsupported);
        return new(
            root.Get("sampling_rate").Int(16000), root.Get("do_normalize").Bool(true), root.Get("return_attention_mask").Bool(false),
            Number(root.Get("padding_value"), 0));
    }

    private static double Number(JsonPart part, double fallback) => part.IsNull ? fallback : part.Number();
}
