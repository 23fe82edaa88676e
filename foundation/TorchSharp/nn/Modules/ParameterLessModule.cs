namespace TorchSharp.Modules;

/// <summary>Marks modules that hold nothing to train or to save.</summary>
public interface IParameterLessModule { }

/// <summary>A module without parameters, buffers and children.</summary>
public abstract class ParameterLessModule<T1, TResult> : torch.nn.Module<T1, TResult>, IParameterLessModule
{
    protected ParameterLessModule(string name) : base(name) { }

    private static InvalidOperationException Refused() => new("Cannot register anything in a parameter-less module.");

    public override void register_buffer(string name, torch.Tensor tensor, bool persistent = true) => throw Refused();
    public override void register_parameter(string name, Parameter param) => throw Refused();
    public override void register_module(string name, torch.nn.Module submodule) => throw Refused();
}

/// <summary>A module of two inputs without parameters, buffers and children.</summary>
public abstract class ParameterLessModule<T1, T2, TResult> : torch.nn.Module<T1, T2, TResult>, IParameterLessModule
{
    protected ParameterLessModule(string name) : base(name) { }

    private static InvalidOperationException Refused() => new("Cannot register anything in a parameter-less module.");

    public override void register_buffer(string name, torch.Tensor tensor, bool persistent = true) => throw Refused();
    public override void register_parameter(string name, Parameter param) => throw Refused();
    public override void register_module(string name, torch.nn.Module submodule) => throw Refused();
}
