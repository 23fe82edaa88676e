using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Settings of a parameter group; null means "as the optimizer has it".</summary>
public class OptimizerOptions
{
    public double? LearningRate { get; set; }
    public double InitialLearningRate { get; set; }

    public virtual void LoadStateDict(BinaryReader reader)
    {
        InitialLearningRate = reader.ReadDouble();
        LearningRate = reader.ReadDouble();
    }

    public virtual void LoadStateDict(OptimizerOptions source)
    {
        InitialLearningRate = source.InitialLearningRate;
        LearningRate = source.LearningRate;
    }

    public virtual void SaveStateDict(BinaryWriter writer)
    {
        writer.Write(InitialLearningRate);
        writer.Write(LearningRate!.Value);
    }
}

/// <summary>What an optimizer remembers of one parameter.</summary>
public abstract class OptimizerState
{
    protected Parameter _parameter;

    protected OptimizerState(Parameter parameter) => _parameter = parameter;

    internal Parameter Parameter => _parameter;

    public abstract void Initialize(OptimizerOptions options);
    public abstract void LoadStateDict(BinaryReader reader);
    public abstract void LoadStateDict(OptimizerState source);
    public abstract void SaveStateDict(BinaryWriter writer);
    public virtual bool ApproximatelyEquals(OptimizerState other) => false;
    public virtual void to(Device device) { }

    protected static void LoadConditionalStateTensor(BinaryReader reader, ref Tensor? result, Device device)
    {
        bool there = reader.ReadBoolean();
        result?.Dispose();
        result = null;
        if (!there) return;
        using var read = TensorExtensionMethods.Load(reader);
        result = read.to(device, copy: true).DetachFromDisposeScope();
    }

    protected static void SaveConditionalStateTensor(BinaryWriter writer, Tensor? tensor)
    {
        writer.Write(tensor is not null);
        tensor?.Save(writer);
    }

    internal static Tensor Read(BinaryReader reader, Tensor old, Device device)
    {
        using var read = TensorExtensionMethods.Load(reader);
        var moved = read.to(device, copy: true).DetachFromDisposeScope();
        old.Dispose();
        return moved;
    }

    internal static Tensor Moved(Tensor t, Device device)
    {
        var moved = t.to(device, copy: true).DetachFromDisposeScope();
        t.Dispose();
        return moved;
    }

    internal static Tensor Copied(Tensor old, Tensor from)
    {
        var copy = from.to(old.device, copy: true).DetachFromDisposeScope();
        old.Dispose();
        return copy;
    }
}

/// <summary>Parameters that are trained alike.</summary>
public class ParamGroup : optim.ILearningRateController
{
    public IEnumerable<Parameter> Parameters { get; set; } = [];
    public OptimizerOptions Options { get; set; } = new();

    public double LearningRate
    {
        get => Options.LearningRate!.Value;
        set => Options.LearningRate = value;
    }

    public double InitialLearningRate
    {
        get => Options.InitialLearningRate;
        set => Options.InitialLearningRate = value;
    }
}

/// <summary>A parameter group with the settings of one optimizer.</summary>
public class ParamGroup<TOptions> : ParamGroup where TOptions : OptimizerOptions
{
    public ParamGroup() { }

    public ParamGroup(IEnumerable<Parameter> parameters, TOptions? options = default)
    {
        base.Parameters = parameters;
        if (options is not null) base.Options = options;
    }

    public new TOptions Options
    {
        get => (TOptions)base.Options;
        set => base.Options = value;
    }
}

/// <summary>Parameter groups, states, and their files, for the optimizers below.</summary>
public abstract class OptimizerHelper : optim.Optimizer
{
    protected OptimizerOptions _defaults = new();
    protected OrderedDict<nint, OptimizerState> _state = [];

    public OptimizerHelper() : base(0) { }

    public override IEnumerable<Parameter> parameters() => _parameter_groups.SelectMany(g => g.Parameters);

    /// <summary>Runs the closure, then the body on each group without recording gradients.</summary>
    protected Tensor? _step<T>(Action<T> body, Func<Tensor>? loss_closure = null) where T : ParamGroup
    {
        Tensor? loss = null;
        if (loss_closure is not null)
            using (enable_grad()) loss = loss_closure();
        using (no_grad())
        using (NewDisposeScope())
            foreach (var group in _parameter_groups) body((T)group);
        return loss;
    }

    private protected void AddGroup(ParamGroup group, Func<Parameter, OptimizerState> make)
    {
        group.Options.LearningRate ??= _defaults.LearningRate;
        group.Options.InitialLearningRate = group.Options.LearningRate!.Value;
        _parameter_groups.Add(group);
        foreach (var p in group.Parameters)
        {
            var state = make(p);
            state.Initialize(group.Options);
            _state[p.Handle] = state;
        }
    }

    public virtual StateDictionary state_dict()
    {
        var dict = new StateDictionary();
        var places = new Dictionary<nint, int>();
        foreach (var group in _parameter_groups)
        {
            var refs = new List<int>();
            foreach (var p in group.Parameters)
            {
                if (!places.TryGetValue(p.Handle, out int place))
                {
                    place = dict.State.Count;
                    places.Add(p.Handle, place);
                    dict.State.Add(_state[p.Handle]);
                }
                refs.Add(place);
            }
            dict.StateIndexRef.Add(refs);
            dict.Options.Add(group.Options);
        }
        return dict;
    }

    public virtual void load_state_dict(StateDictionary state_dict)
    {
        var own = this.state_dict();
        if (own.Options.Count != state_dict.Options.Count) throw new ArgumentException($"The state has {state_dict.Options.Count} parameter groups, the optimizer {own.Options.Count}.", nameof(state_dict));
        if (own.State.Count != state_dict.State.Count) throw new ArgumentException($"The state is of {state_dict.State.Count} parameters, the optimizer has {own.State.Count}.", nameof(state_dict));
        for (int k = 0; k < own.Options.Count; k++) own.Options[k].LoadStateDict(state_dict.Options[k]);
        using var off = no_grad();
        for (int k = 0; k < own.State.Count; k++)
            if (!ReferenceEquals(own.State[k], state_dict.State[k])) own.State[k].LoadStateDict(state_dict.State[k]);
    }

    public void save_state_dict(string location)
    {
        var beside = location + ".tmp";
        using (var stream = File.Create(beside))
        {
            using (var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true)) save_state_dict(writer);
            stream.Flush(flushToDisk: true);
        }
        File.Move(beside, location, overwrite: true);
    }

    public void save_state_dict(BinaryWriter writer)
    {
        var dict = state_dict();
        writer.Write(GetType().Name);
        writer.Write7BitEncodedInt64(dict.Options.Count);
        writer.Write7BitEncodedInt64(dict.State.Count);
        foreach (var options in dict.Options) options.SaveStateDict(writer);
        foreach (var state in dict.State) state.SaveStateDict(writer);
        writer.Flush();
    }

    public void load_state_dict(string location)
    {
        using var stream = File.OpenRead(location);
        using var reader = new BinaryReader(stream);
        load_state_dict(reader);
    }

    public void load_state_dict(BinaryReader reader)
    {
        var name = reader.ReadString();
        if (name != GetType().Name) throw new InvalidDataException($"The state was saved by {name}, not by {GetType().Name}.");
        var own = state_dict();
        long groups = reader.Read7BitEncodedInt64(), states = reader.Read7BitEncodedInt64();
        if (groups != own.Options.Count || states != own.State.Count)
            throw new InvalidDataException($"The state is of {groups} groups and {states} parameters; the optimizer has {own.Options.Count} and {own.State.Count}.");
        using var off = no_grad();
        foreach (var options in own.Options) options.LoadStateDict(reader);
        foreach (var state in own.State) state.LoadStateDict(reader);
    }

    public void to(Device device)
    {
        foreach (var state in _state.values()) state.to(device);
    }

    private protected override void DisposeStates()
    {
        foreach (var state in _state.values()) (state as IDisposable)?.Dispose();
        _state.clear();
    }
}
