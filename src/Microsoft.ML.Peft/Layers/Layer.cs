using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A named part of a base model that owns frozen weights and that adapters can be put on.</summary>
/// <remarks>A layer never knows its adapters: they come with the <see cref="ForwardContext"/> of each call, so that one
/// frozen base serves many adapters and threads at once.</remarks>
public abstract class Layer
{
    private protected Layer(string path, int index)
    {
        Path = path;
        Index = index;
    }

    /// <summary>Module path as Hugging Face names it, for example <c>bert.encoder.layer.0.attention.self.query</c>.</summary>
    public string Path { get; private set; }

    /// <summary>Position in <see cref="LayerList"/>: 0 for the layer that is computed first.</summary>
    public int Index { get; }

    /// <summary>The layer's tensors by their checkpoint names below <see cref="Path"/>: <c>weight</c>, <c>bias</c>.</summary>
    public abstract IEnumerable<(string Name, Tensor Tensor)> Tensors();

    /// <summary>True for a tensor of a module that has more of them: adapters name it by <c>target_parameters</c>, not by <c>target_modules</c>.</summary>
    public virtual bool IsParameter => false;

    /// <summary>The weight in the layer's own shape, or null where the layer has none that an adapter can change.</summary>
    public virtual Tensor? FrozenWeight => null;

    /// <summary>The bias, or null.</summary>
    public virtual Tensor? FrozenBias => null;

    /// <summary>Puts other numbers in place of <see cref="FrozenWeight"/>.</summary>
    internal virtual void ReplaceWeight(Tensor weight)
    {
        using var _ = no_grad();
        FrozenWeight!.copy_(weight);
    }

    /// <summary>The same tensors under their whole checkpoint names.</summary>
    public virtual IEnumerable<(string Name, Tensor Tensor)> NamedTensors()
        => Tensors().Select(part => (Path.Length == 0 ? part.Name : $"{Path}.{part.Name}", part.Tensor));

    /// <summary>This layer, with the same tensors and place, under another path.</summary>
    internal Layer Under(string path)
    {
        if (path == Path)
        {
            return this;
        }

        var alias = (Layer)MemberwiseClone();
        alias.Path = path;
        return alias;
    }
}
