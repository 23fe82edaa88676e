using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>The convolutions that some speech models have after their blocks, <c>add_adapter</c>: fewer frames, for a decoder behind them.</summary>
/// <remarks>Each is <c>a ∘ σ(b)</c> with a and b the two halves of a convolution's channels. Source: Hugging Face's Wav2Vec2Adapter, after
/// Li et al. 2020, arXiv:2010.12829; unlike there none is left out by chance while training, since the count of frames depends on them.</remarks>
internal sealed class SpeechAdapter
{
    private readonly LinearLayer? _projection;
    private readonly LayerNormLayer? _norm;
    private readonly Conv1dLayer[] _convolutions;

    private SpeechAdapter(ModelConfig config, WeightSource source, string path, int hidden)
    {
        Width = config.Int("output_hidden_size", 1, 1 << 16, hidden);
        if (Width != hidden)
        {
            _projection = source.Linear($"{path}.proj", hidden, Width);
            _norm = source.LayerNorm($"{path}.proj_layer_norm", Width, 1e-5);
        }

        var shape = new ConvShape(config.Int("adapter_kernel_size", 3, 3, 3), config.Int("adapter_stride", 1, 1 << 10, 2), 1);
        _convolutions = [.. Enumerable.Range(0, config.Int("num_adapter_layers", 1, 1 << 10, 3))
            .Select(k => source.Conv1d($"{path}.layers.{k}.conv", Width, 2 * Width, shape))];
    }

    /// <summary>Width of the states that come out.</summary>
    public int Width { get; }

    /// <summary>Reads it; null where the model has none.</summary>
    public static SpeechAdapter? Create(ModelConfig config, WeightSource source, string path, int hidden)
        => config.Flag("add_adapter", false) ? new(config, source, path, hidden) : null;

    /// <summary>Frames that come of a count of frames.</summary>
    public long Frames(long frames) => _convolutions.Aggregate(frames, (length, layer) => layer.OutLength(length));

    /// <summary>(rows·frames, hidden) gives (rows·<see cref="Frames"/>, <see cref="Width"/>).</summary>
    public Tensor Forward(Tensor hidden, long rows, long frames, ForwardContext context)
    {
        hidden = _projection is null ? hidden : _norm!.Forward(_projection.Forward(hidden, context), context);
        var x = hidden.view(rows, frames, Width).transpose(1, 2);
        foreach (var convolution in _convolutions)
        {
            var both = convolution.Forward(x, context);
            x = both.narrow(1, 0, Width) * both.narrow(1, Width, Width).sigmoid();
        }

        return x.transpose(1, 2).reshape(-1, Width);
    }
}
