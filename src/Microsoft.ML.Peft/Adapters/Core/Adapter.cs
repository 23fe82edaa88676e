using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>One part of an adapter at one place of a base model: a module whose parameters are what is trained and saved.</summary>
public abstract class Adapter : nn.Module<Tensor, Tensor>
{
    private protected Adapter(string path)
        : base(path) => Path = path;

    /// <summary>Path of the layer or block that it sits on, as Hugging Face names it; empty for what belongs to the whole model.</summary>
    public string Path { get; }

    /// <summary>What follows <see cref="Path"/> in the checkpoint name of a parameter, for example <c>lora_A.weight</c>.</summary>
    protected internal virtual string FileName(string parameter) => parameter;

    /// <summary>The whole checkpoint name of a parameter. Default: <c>prefix + path + "." + file name</c>.</summary>
    /// <param name="prefix">What stands before the paths of layers: <see cref="AdapterOptions.PathPrefix"/>.</param>
    /// <param name="parameter">Name of the parameter in this module.</param>
    protected internal virtual string FileKey(string prefix, string parameter) => $"{prefix}{Path}.{FileName(parameter)}";

    /// <summary>False for a parameter that a checkpoint may lack, because it can be made again from the settings. Default: every
    /// parameter must be there.</summary>
    protected internal virtual bool IsRequired(string parameter) => true;

    /// <summary>False for a parameter that is not written. Default: all are.</summary>
    protected internal virtual bool IsSaved(string parameter) => true;

    /// <summary>Tensors of the base model, or second copies, that HF PEFT writes with the adapter: names below <see cref="Path"/>. They are written,
    /// and a checkpoint that has them must have the same numbers. Default: none.</summary>
    protected internal virtual IEnumerable<(string Name, Tensor Tensor)> Companions => [];

    /// <summary>What it means that a checkpoint has other numbers in <see cref="Companions"/>, and what to do.</summary>
    protected internal virtual string WrongCompanion
        => "the adapter was trained on another base model, or on one whose vocabulary was changed. Give that base model";

    /// <summary>What is written of this part: names of parameters with what the file says they are. Default: the parameters that are saved.</summary>
    protected internal virtual IEnumerable<(string Parameter, Tensor Tensor)> Written()
        => named_parameters().Where(p => IsSaved(p.name)).Select(p => (p.name, (Tensor)p.parameter));

    /// <summary>What the checkpoint will bring for this part: file names below <see cref="Path"/> with their shapes. Called before the shapes are
    /// compared, so that a method whose shapes are a result of training can adjust. Default: nothing.</summary>
    protected internal virtual void Expect(IReadOnlyDictionary<string, long[]> shapes)
    {
    }

    /// <summary>Brings parameters that only files have up to date, before they are written. Default: nothing.</summary>
    protected internal virtual void Saving()
    {
    }

    /// <summary>Settles what depends on the options once the parameters are loaded. Default: nothing.</summary>
    protected internal virtual void Loaded()
    {
    }

    /// <summary>True if what a token gets depends on other tokens, so that all of them must be computed. Default false.</summary>
    protected internal virtual bool ReadsOtherTokens => false;

    /// <summary>True if what a token gets depends on a pass over the whole input, so that earlier tokens cannot be remembered. Default false.</summary>
    protected internal virtual bool ReadsWholeInput => false;

    /// <summary>True for a part whose tensors have a folder of their own beside the adapter's file (<see cref="AdapterOptions.WriteBeside"/>). Default false.</summary>
    protected internal virtual bool IsBeside => false;

    /// <summary>How the optimizer treats a parameter. Default: like all others.</summary>
    protected internal virtual OptimizerGroup GroupOf(string parameter) => new("");

    /// <summary>Not defined: a part of the model that has no input of its own.</summary>
    /// <exception cref="PeftException">Always, unless overridden.</exception>
    public override Tensor forward(Tensor x)
        => throw new PeftException($"{GetType().Name} has no output of its own; run the model with its adapter.");

    /// <summary>A parameter that outlives the scope it was made in; the caller fills it.</summary>
    protected static Parameter Trainable(params long[] shape) => Kept(new Parameter(empty(shape, ScalarType.Float32)));

    /// <summary>A trainable parameter with the numbers of a tensor, which is taken over.</summary>
    protected static Parameter Trainable(Tensor values) => Kept(new Parameter(values));

    /// <summary>A tensor of the file that is not trained.</summary>
    protected static Parameter Frozen(Tensor values) => Kept(new Parameter(values, requires_grad: false));

    /// <summary>A parameter in the type in which the base model computes: itself where that is Float32.</summary>
    protected internal static Tensor InTypeOf(Tensor x, Tensor parameter) => x.dtype == parameter.dtype ? parameter : parameter.to(x.dtype);

    private static Parameter Kept(Parameter parameter)
    {
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
