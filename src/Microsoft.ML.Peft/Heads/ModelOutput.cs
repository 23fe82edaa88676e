using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>What a forward pass gives, under Hugging Face's names: <c>logits</c>, <c>start_logits</c>, <c>text_embeds</c>, ….</summary>
public sealed class ModelOutput
{
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    /// <summary>An output of one tensor.</summary>
    public ModelOutput(string name, Tensor tensor) => _tensors.Add(name, tensor);

    /// <summary>An output of several tensors.</summary>
    public ModelOutput(params ReadOnlySpan<(string Name, Tensor Tensor)> tensors)
    {
        foreach (var (name, tensor) in tensors)
        {
            _tensors.Add(name, tensor);
        }
    }

    /// <summary>Extends labels (rows, tokens) to the trained tokens that the outputs begin with, and says how much each place counts,
    /// null where all count alike. Default: there are none.</summary>
    internal Func<Tensor, (Tensor Labels, Tensor? Weights)> TargetsOf { get; init; } = labels => (labels, null);

    /// <summary>The tensor of a name.</summary>
    /// <exception cref="PeftException">There is none.</exception>
    public Tensor this[string name]
        => _tensors.TryGetValue(name, out var tensor)
            ? tensor
            : throw new PeftException($"This model does not give '{name}'; it gives {string.Join(", ", _tensors.Keys)}.");

    /// <summary>The main scores.</summary>
    public Tensor Logits => this["logits"];

    /// <summary>Names of the tensors.</summary>
    public IEnumerable<string> Names => _tensors.Keys;
}
