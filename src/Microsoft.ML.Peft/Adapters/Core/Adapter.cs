using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>One adapter at one place of a base model: a module whose parameters are what is trained and saved.</summary>
public abstract class Adapter : nn.Module<Tensor, Tensor>
{
    private protected Adapter(string path)
        : base(path) => Path = path;

    /// <summary>Path of the layer or block that it sits on, as Hugging Face names it.</summary>
    public string Path { get; }

    /// <summary>What follows <see cref="Path"/> in the checkpoint name of a parameter, for example <c>lora_A.weight</c>.</summary>
    protected internal virtual string FileName(string parameter) => parameter;

    /// <summary>Settles what depends on the options once the parameters are loaded. Default: nothing.</summary>
    protected internal virtual void Loaded()
    {
    }

    /// <summary>A parameter that outlives the scope it was made in; the caller fills it.</summary>
    protected static Parameter Trainable(params long[] shape) => Kept(new Parameter(empty(shape, ScalarType.Float32)));

    /// <summary>A trainable parameter with the numbers of a tensor, which is taken over.</summary>
    protected static Parameter Trainable(Tensor values) => Kept(new Parameter(values));

    /// <summary>A tensor of the file that is not trained.</summary>
    protected static Parameter Frozen(Tensor values) => Kept(new Parameter(values, requires_grad: false));

    /// <summary>A parameter in the type in which the base model computes: itself where that is Float32.</summary>
    protected static Tensor InTypeOf(Tensor x, Parameter parameter) => x.dtype == parameter.dtype ? parameter : parameter.to(x.dtype);

    private static Parameter Kept(Parameter parameter)
    {
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
