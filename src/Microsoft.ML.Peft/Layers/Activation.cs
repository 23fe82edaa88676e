using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Activation functions by the names of Hugging Face's configurations.</summary>
public static class Activation
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> s_byName = new(StringComparer.Ordinal)
    {
        ["gelu"] = x => nn.functional.gelu(x),
        ["quick_gelu"] = x => x * (x * 1.702).sigmoid(),
        ["relu"] = x => nn.functional.relu(x),
        ["silu"] = x => nn.functional.silu(x),
        ["swish"] = x => nn.functional.silu(x),
        ["tanh"] = x => x.tanh(),
    };

    /// <summary>Finds a function.</summary>
    /// <exception cref="PeftException">There is none of that name.</exception>
    public static Func<Tensor, Tensor> Named(string name)
        => s_byName.TryGetValue(name, out var function)
            ? function
            : throw new PeftException($"The activation '{name}' of config.json is not supported; supported are {string.Join(", ", s_byName.Keys)}.");
}
