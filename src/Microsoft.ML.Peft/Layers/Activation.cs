using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Activation functions by the names of Hugging Face's configurations.</summary>
public static class Activation
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> s_byName = new(StringComparer.Ordinal)
    {
        ["gelu"] = Gelu,
        ["quick_gelu"] = x => x * (x * 1.702).sigmoid(),
        ["relu"] = x => nn.functional.relu(x),
        ["silu"] = x => nn.functional.silu(x),
        ["swish"] = x => nn.functional.silu(x),
        ["tanh"] = x => x.tanh(),
        ["linear"] = x => x,
        ["gelu_new"] = GeluTanh,
        ["gelu_fast"] = GeluTanh,
        ["gelu_pytorch_tanh"] = GeluTanh,
        ["quick_gelu"] = x => x * x.mul(1.702f).sigmoid(),
        ["relu2"] = x => nn.functional.relu(x).square(),
    };

    /// <summary>Finds a function.</summary>
    /// <exception cref="PeftException">There is none of that name.</exception>
    public static Func<Tensor, Tensor> Named(string name)
        => s_byName.TryGetValue(name, out var function)
            ? function
            : throw new PeftException($"The activation '{name}' of config.json is not supported; supported are {string.Join(", ", s_byName.Keys)}.");

    /// <summary>x·Φ(x) with Φ of the normal law.</summary>
    /// <remarks>libtorch's own backward (seen in 1.13 on processors) writes wrong numbers where its input is contiguous and the gradient that
    /// comes is not, such as that of a transposed output. The gradient of a flat view is contiguous.</remarks>
    internal static Tensor Gelu(Tensor x) => x.requires_grad ? nn.functional.gelu(x.reshape(-1)).view(x.shape) : nn.functional.gelu(x);

    // x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))); the square is nobody's saved tensor, so it is changed in place.
    private static Tensor GeluTanh(Tensor x)
    {
        const double Root = 0.7978845608028654;
        var bent = x.square().mul_(0.044715 * Root).add_(Root).mul(x).tanh();
        var half = x.mul(0.5);
        return half.addcmul(half, bent, 1);
    }
}
