using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>AST: ViT with a distillation token over overlapping patches of a spectrogram.</summary>
/// <remarks>
/// <para>Classifiers see the mean of the class and the distillation token after the last norm. Spectrograms of another length get
/// interpolated positions, as ViT's pictures of another size do.</para>
/// <para>Source: Gong et al. 2021, arXiv:2104.01778.</para>
/// </remarks>
[Architecture("audio-spectrogram-transformer", TakesPrunedHeads = true)]
public sealed class Ast : Backbone
{
    private readonly PatchTransformer _transformer;

    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Ast(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        MaxLength = config.Int("max_length", 1, 1 << 20, 1024);
        MelBins = config.Int("num_mel_bins", 1, 1 << 12, 128);
        var stride = (config.Int("frequency_stride", 1, 1 << 12, 10), config.Int("time_stride", 1, 1 << 12, 10));
        _transformer = new PatchTransformer(config, source, Root, distilled: true, (1, MelBins, MaxLength), _ => stride);
    }

    /// <inheritdoc/>
    public override string Root => "audio_spectrogram_transformer.";

    /// <inheritdoc/>
    public override int HiddenSize => _transformer.Hidden;

    /// <summary>Frames of the spectrograms that it was trained on.</summary>
    public int MaxLength { get; }

    /// <summary>Mel bins of a spectrogram.</summary>
    public int MelBins { get; }

    /// <inheritdoc/>
    public override PatchPromptShape PatchPrompts => _transformer.Prompts;

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["q_proj", "v_proj"];

    /// <inheritdoc/>
    public override IReadOnlyList<(string Pattern, string Replacement)> Renames => PatchTransformer.Renames;

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors => ["classifier."];

    /// <summary>Hidden states of the last block, after the last norm.</summary>
    /// <param name="spectrogram">(batch, frames, <see cref="MelBins"/>), normalized.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <returns>(batch·tokens, hidden).</returns>
    /// <exception cref="ArgumentException">The spectrogram has another shape, or fewer frames than a patch.</exception>
    public Tensor Forward(Tensor spectrogram, ForwardContext context) => Encode(spectrogram, specialsOnly: false, context);

    /// <summary>What a classifier sees of each recording.</summary>
    /// <param name="spectrogram">(batch, frames, <see cref="MelBins"/>), normalized.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <returns>(batch, hidden).</returns>
    /// <exception cref="ArgumentException">The spectrogram has another shape, or fewer frames than a patch.</exception>
    public Tensor Features(Tensor spectrogram, ForwardContext context)
        => Encode(spectrogram, specialsOnly: true, context).view(-1, 2, HiddenSize).mean([1]);

    private Tensor Encode(Tensor spectrogram, bool specialsOnly, ForwardContext context)
    {
        var shape = spectrogram.shape;
        if (shape.Length != 3 || shape[1] < _transformer.Patch.Width || shape[2] != MelBins)
        {
            throw new ArgumentException(
                $"The spectrogram has the shape ({string.Join(", ", shape)}); this model needs (batch, {_transformer.Patch.Width} frames or more, {MelBins}).",
                nameof(spectrogram));
        }

        var pixels = spectrogram.unsqueeze(1).transpose(2, 3); // (batch, 1, mel, time)
        return _transformer.Forward(pixels, (shape[0], MelBins, shape[1]), specialsOnly, context);
    }
}
