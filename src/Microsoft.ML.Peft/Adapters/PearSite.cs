using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>A place of PEAR: the part that was made for it, and, once it is pruned, the part of another place that serves it and what is kept of its own.</summary>
/// <remarks>Kept: <c>y = f(x) + a(x)</c>. Pruned: <c>y = f(x) + γ·a_donor(x) + c(x)</c>.</remarks>
public sealed class PearSite
{
    private const double Eps = 1e-8;

    private readonly nn.Module _module; // of the place, which has the parameters
    private readonly PearOptions _options;
    private readonly List<Tensor> _terms = [];
    private readonly PearMean _mean = new();

    internal PearSite(nn.Module module, Adapter part, string kind, int depth, PearOptions options)
    {
        (_module, Part, Kind, Depth, _options) = (module, part, kind, depth, options);
        Own = [.. part.named_parameters().Select(p => (p.name, p.parameter))];
        foreach (var (name, parameter) in Own)
        {
            module.register_parameter(name, parameter);
        }
    }

    /// <summary>The part that was made for the place.</summary>
    public Adapter Part { get; }

    /// <summary>Path of the layer or block.</summary>
    public string Path => Part.Path;

    /// <summary>What the places have in common that may serve each other: the name in the block and the shapes.</summary>
    public string Kind { get; }

    /// <summary>Which block it is in, from 0.</summary>
    public int Depth { get; }

    /// <summary>True once the place has lost its part.</summary>
    public bool IsPruned { get; private set; }

    /// <summary>The place whose part serves this one, or null.</summary>
    public PearSite? Donor { get; private set; }

    /// <summary>How much the part mattered when it was measured, as a share of its kind, or null.</summary>
    public double? Importance { get; internal set; }

    /// <summary>Factor γ of the donor's part (1), or null where it is 1.</summary>
    public Parameter? Gate { get; private set; }

    /// <summary>Mean of what the part added (out), or null.</summary>
    public Parameter? Mean { get; private set; }

    /// <summary>Parameters of the part.</summary>
    internal IReadOnlyList<(string Name, Parameter Parameter)> Own { get; }

    /// <summary>True while what the part adds is added up.</summary>
    internal bool Records { get; set; }

    /// <summary>Factor of the distance to what the part added, or 0.</summary>
    internal double Distilled { get; set; }

    /// <summary>True where the part goes on to act as it was, once the place is pruned.</summary>
    internal bool KeepsPart => _options.Checkpoint == PearCheckpoint.Frozen;

    /// <summary>Computes the place.</summary>
    /// <param name="y">What is there without an adapter.</param>
    /// <param name="call">Ways to run a part here.</param>
    /// <param name="context">What comes with the forward pass.</param>
    internal Tensor Apply(Tensor y, in Call call, ForwardContext context)
    {
        if (!IsPruned)
        {
            if (Records)
            {
                using var _ = no_grad();
                _mean.Add(call.Added(Part, context, false), context);
            }

            return call.AddTo(Part, y, context);
        }

        if (KeepsPart)
        {
            using var still = ForwardContext.Predicting(); // its dropout is off
            y = call.AddTo(Part, y, still);
        }

        y = Mean is null ? y : y + Mean.to(y.dtype);
        if (Donor is null)
        {
            return y;
        }

        if (Distilled > 0 && context.Training)
        {
            using var still = ForwardContext.Predicting();
            var old = call.Added(Part, still, true).detach();
            var distance = Gated(call.Added(Donor.Part, still, true)) - old;
            _terms.Add((distance.square().mean() / (old.square().mean() + Eps)).mul(Distilled).DetachFromDisposeScope());
        }

        return Gate is null ? call.AddTo(Donor.Part, y, context) : y + Gated(call.Added(Donor.Part, context, false));
    }

    /// <summary>The distances of the pass that has run, weighted, or null.</summary>
    internal Tensor? TakeTerms()
    {
        if (_terms.Count == 0)
        {
            return null;
        }

        var sum = stack(_terms).sum();
        _terms.ForEach(term => term.Dispose());
        _terms.Clear();
        return sum;
    }

    /// <summary>Takes the part away.</summary>
    /// <param name="donor">The place whose part serves this one from now on, or null.</param>
    /// <param name="teaches">True to keep the part beside the model, which the donor is drawn to.</param>
    internal void Prune(PearSite? donor, bool teaches = false)
    {
        using var _ = no_grad();
        (IsPruned, Donor) = (true, donor);
        foreach (var (name, parameter) in Own)
        {
            parameter.requires_grad = false;
            parameter.grad = null;
            if (!KeepsPart)
            {
                _module.register_parameter(name, null!);
            }
        }

        if (_options.Checkpoint == PearCheckpoint.Mean)
        {
            Mean = Registered("pear_mean", _mean.Value() ?? zeros([Width()], device: Own[0].Parameter.device), false);
        }

        if (!KeepsPart && !teaches)
        {
            Part.Dispose();
        }

        if (donor is not null && _options.Gate == PearGate.Learned)
        {
            var start = _options.Checkpoint is PearCheckpoint.Frozen or PearCheckpoint.Mean ? 0f : 1f;
            Gate = Registered("pear_gate", full([1], start, device: donor.Own[0].Parameter.device), true);
        }

        ForgetRecord();
    }

    /// <summary>Frees what was added up.</summary>
    internal void ForgetRecord() => _mean.Dispose();

    /// <summary>Frees the part, the teacher included.</summary>
    internal void Dispose()
    {
        ForgetRecord();
        Part.Dispose();
    }

    private Tensor Gated(Tensor added) => Gate is null ? added : added * Gate.to(added.dtype);

    private long Width() => Part is LinearAdapter linear ? linear.Layer.OutFeatures : ((Bottleneck)Part).Hidden;

    private Parameter Registered(string name, Tensor values, bool trained)
    {
        var parameter = new Parameter(values.detach(), trained);
        parameter.DetachFromDisposeScope();
        _module.register_parameter(name, parameter);
        return parameter;
    }

    /// <summary>Ways to run a part at a place.</summary>
    /// <param name="AddTo">Adds what a part adds to an output.</param>
    /// <param name="Added">What a part adds; with true, without a gradient into its input.</param>
    internal readonly record struct Call(Func<Adapter, Tensor, ForwardContext, Tensor> AddTo, Func<Adapter, ForwardContext, bool, Tensor> Added);
}
