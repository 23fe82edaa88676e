using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>The convolution of the largest DeBERTa models beside their first block: <c>h ← LN(h + act(drop(conv(h₀))))</c>.</summary>
/// <remarks>h₀ are the embedded tokens, h is the first block's output; padding becomes zeros. Source: He et al. 2020, arXiv:2006.03654,
/// in the form of Hugging Face's model (the n-gram encoding of version 2).</remarks>
internal sealed class TokenConvolution
{
    private readonly Conv1dLayer _convolution;
    private readonly LayerNormLayer _norm;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly double _dropout;

    private TokenConvolution(Conv1dLayer convolution, LayerNormLayer norm, Func<Tensor, Tensor> activation, double dropout)
        => (_convolution, _norm, _activation, _dropout) = (convolution, norm, activation, dropout);

    /// <summary>Reads it; null where the model has none.</summary>
    public static TokenConvolution? Create(ModelConfig config, WeightSource source, string path, int hidden, double eps, double dropout)
    {
        var kernel = config.Int("conv_kernel_size", 0, 1 << 10, 0);
        if (kernel == 0)
        {
            return null;
        }

        if (kernel % 2 == 0)
        {
            throw config.Wrong("conv_kernel_size", "odd, so that there are as many tokens after the convolution as before");
        }

        var groups = config.Int("conv_groups", 1, 1 << 16, 1);
        return hidden % groups == 0
            ? new(
                source.Conv1d($"{path}.conv", hidden, hidden, new ConvShape(kernel, 1, kernel / 2, groups)),
                source.LayerNorm($"{path}.LayerNorm", hidden, eps),
                Activation.Named(config.Text("conv_act", "tanh")),
                dropout)
            : throw config.Wrong("conv_groups", $"a divisor of hidden_size, which is {hidden}");
    }

    /// <summary>embedded and hidden (batch·length, hidden) give the same shape.</summary>
    public Tensor Forward(Tensor embedded, Tensor hidden, TokenBatch batch, ForwardContext context)
    {
        var width = embedded.size(1);
        var convolved = _convolution.Forward(embedded.view(batch.Rows, batch.Length, width).transpose(1, 2), context).transpose(1, 2).reshape(-1, width);
        var real = batch.Mask?.to(hidden.dtype).view(-1, 1);
        convolved = _activation(context.Dropout(real is null ? convolved : convolved * real, _dropout));
        var normed = _norm.Forward(hidden + convolved, context);
        return real is null ? normed : normed * real;
    }
}
