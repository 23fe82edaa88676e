using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>The convolutions of <see cref="SpeechEncoder"/>, which make frames of samples.</summary>
internal sealed class SpeechFeatures
{
    private readonly Conv1dLayer[] _convolutions;
    private readonly GroupNormLayer? _groupNorm;
    private readonly LayerNormLayer[] _norms = [];

    public SpeechFeatures(ModelConfig config, WeightSource source, string path)
    {
        var channels = config.Ints("conv_dim", 1, 1 << 14, 512, 512, 512, 512, 512, 512, 512);
        var kernels = config.Ints("conv_kernel", 1, 1 << 14, 10, 3, 3, 3, 3, 2, 2);
        var strides = config.Ints("conv_stride", 1, 1 << 14, 5, 2, 2, 2, 2, 2, 2);
        if (kernels.Length != channels.Length || strides.Length != channels.Length)
        {
            throw config.Wrong("conv_kernel", $"as many numbers as 'conv_dim' and 'conv_stride', of which there are {channels.Length} and {strides.Length}");
        }

        var norm = config.Text("feat_extract_norm", "group");
        if (norm is not ("group" or "layer"))
        {
            throw config.Wrong("feat_extract_norm", "\"group\" or \"layer\"");
        }

        var bias = config.Flag("conv_bias", false);
        Activation = Layers.Activation.Named(config.Text("feat_extract_activation", "gelu"));
        Channels = channels[^1];
        _convolutions = new Conv1dLayer[channels.Length];
        _norms = norm == "layer" ? new LayerNormLayer[channels.Length] : [];
        for (var k = 0; k < channels.Length; k++)
        {
            var below = $"{path}.conv_layers.{k}";
            _convolutions[k] = source.Conv1d($"{below}.conv", k == 0 ? 1 : channels[k - 1], channels[k], new ConvShape(kernels[k], strides[k]), bias);
            if (norm == "layer")
            {
                _norms[k] = source.LayerNorm($"{below}.layer_norm", channels[k], 1e-5);
            }
            else if (k == 0)
            {
                _groupNorm = source.GroupNorm($"{below}.layer_norm", channels[k], channels[k], 1e-5);
            }
        }
    }

    /// <summary>Channels of a frame.</summary>
    public int Channels { get; }

    /// <summary>The function after each convolution.</summary>
    public Func<Tensor, Tensor> Activation { get; }

    /// <summary>Frames of a count of samples.</summary>
    public long Frames(long samples) => _convolutions.Aggregate(samples, (length, layer) => layer.OutLength(length));

    /// <summary>samples (batch, time) gives (batch, channels, frames).</summary>
    public Tensor Forward(Tensor samples, ForwardContext context)
    {
        var x = samples.unsqueeze(1);
        for (var k = 0; k < _convolutions.Length; k++)
        {
            x = _convolutions[k].Forward(x, context);
            if (_norms.Length > 0)
            {
                x = _norms[k].Forward(x.transpose(1, 2), context).transpose(1, 2);
            }
            else if (k == 0)
            {
                x = _groupNorm!.Forward(x, context);
            }

            x = Activation(x);
        }

        return x;
    }
}
