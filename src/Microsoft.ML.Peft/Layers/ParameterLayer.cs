using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Tensors of a module that belong to no smaller layer: class tokens, position tables, scales.</summary>
public sealed class ParameterLayer : Layer
{
    private readonly IReadOnlyList<(string Name, Tensor Tensor)> _tensors;

    internal ParameterLayer(string path, int index, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
        : base(path, index) => _tensors = tensors;

    /// <summary>The frozen tensor of a name.</summary>
    public Tensor this[string name] => _tensors.First(t => t.Name == name).Tensor;

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Tensor)> Tensors() => _tensors;
}
