using Microsoft.ML.Peft.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

// The layers of pictures and sound.
public sealed partial class WeightSource
{
    /// <summary>True if the checkpoint has a tensor of this name.</summary>
    public bool Has(string name) => Resolve(name) is not null;

    /// <summary>Says that a tensor may be in the checkpoint and is not needed: what can be computed from the configuration.</summary>
    public void Ignore(string name)
    {
        if (Resolve(name) is { } stored)
        {
            _used.Add(stored);
        }
    }

    /// <summary>Tensors of a module that belong to no smaller layer.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing or has another shape.</exception>
    public ParameterLayer Parameters(string path, params ReadOnlySpan<(string Name, long[] Shape)> tensors)
    {
        var taken = new (string, Tensor)[tensors.Length];
        for (var k = 0; k < taken.Length; k++)
        {
            taken[k] = (tensors[k].Name, Take(path.Length == 0 ? tensors[k].Name : $"{path}.{tensors[k].Name}", tensors[k].Shape));
        }

        return Layers.Add(new ParameterLayer(path, Layers.Count, taken));
    }

    /// <summary>A tensor of a module, or a new one that is filled with a number where the checkpoint has none.</summary>
    /// <exception cref="ModelFormatException">The tensor has another shape.</exception>
    public Tensor ParametersOrNew(string path, string name, double value, params long[] shape)
    {
        if (Has(path.Length == 0 ? name : $"{path}.{name}"))
        {
            return Parameters(path, (name, shape))[name];
        }

        _new.Add(name);
        return Layers.Add(new ParameterLayer(path, Layers.Count, [(name, New(full(shape, value)))]))[name];
    }

    /// <summary>A 2-D convolution without padding that cuts pictures into patches.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing or has another shape.</exception>
    public PatchLayer Patches(
        string path, long channels, long outFeatures, (long Height, long Width) kernel, (long Height, long Width) stride, bool bias = true)
        => Layers.Add(new PatchLayer(
            path,
            Layers.Count,
            Take($"{path}.weight", outFeatures, channels, kernel.Height, kernel.Width),
            bias ? Take($"{path}.bias", outFeatures) : null,
            kernel,
            stride));

    /// <summary>A convolution over time.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing or has another shape.</exception>
    internal Conv1dLayer Conv1d(string path, long inChannels, long outChannels, ConvShape shape, bool bias = true)
        => Layers.Add(new Conv1dLayer(
            path,
            Layers.Count,
            Take($"{path}.weight", outChannels, inChannels / shape.Groups, shape.Kernel),
            bias ? Take($"{path}.bias", outChannels) : null,
            shape));

    /// <summary>A weight-normalized convolution over time, in either of the forms in which PyTorch writes it.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing or has another shape.</exception>
    internal Conv1dLayer WeightNormConv1d(string path, long inChannels, long outChannels, ConvShape shape)
    {
        var (scaleName, directionName) = Has($"{path}.weight_g")
            ? ("weight_g", "weight_v")
            : ("parametrizations.weight.original0", "parametrizations.weight.original1");
        var scale = Take($"{path}.{scaleName}", 1, 1, shape.Kernel);
        var direction = Take($"{path}.{directionName}", outChannels, inChannels / shape.Groups, shape.Kernel);
        var weight = Detached(direction * (scale / direction.square().sum([0, 1], keepdim: true).sqrt()));
        return Layers.Add(new Conv1dLayer(
            path, Layers.Count, weight, Take($"{path}.bias", outChannels), shape, [(scaleName, scale), (directionName, direction)]));
    }

    /// <summary>A group norm over channels.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing or has another shape.</exception>
    public GroupNormLayer GroupNorm(string path, long channels, long groups, double eps)
        => Layers.Add(new GroupNormLayer(
            path, Layers.Count, Take($"{path}.weight", channels), Take($"{path}.bias", channels), groups, eps));
}
