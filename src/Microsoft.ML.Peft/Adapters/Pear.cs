using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>A place of PEAR.</summary>
internal interface IPearPlace
{
    PearSite Site { get; }
}

/// <summary>PEAR on a linear layer: the update made for it, or a borrowed one.</summary>
internal sealed class PearLinear : LinearAdapter, IPearPlace, ILowRankPart, ILowRankUpdate
{
    public PearLinear(AdditiveAdapter part, string kind, int depth, PearOptions options)
        : base(part.Layer) => Site = new PearSite(this, part, kind, depth, options);

    public PearSite Site { get; }

    (Tensor A, Tensor B, double Scale) ILowRankPart.Factors
    {
        get
        {
            var pieces = Updates().Select(u => (Factors: (u.Part as ILowRankPart)?.Factors
                ?? throw new PeftException($"What {u.Part.GetType().Name} adds to '{Path}' is no product of two factors; give ToLora a rank, for the nearest one."), u.Gate)).ToList();
            return pieces.Count == 0
                ? (zeros([1, InFeatures], device: Layer.Weight.Dense().device), zeros([OutFeatures, 1], device: Layer.Weight.Dense().device), 1)
                : (cat([.. pieces.Select(p => p.Factors.A)]), cat([.. pieces.Select(p => p.Gate is null ? p.Factors.B.mul(p.Factors.Scale) : p.Factors.B.mul(p.Factors.Scale) * p.Gate)], 1), 1);
        }
    }

    protected internal override string FileName(string parameter)
        => parameter.Length == 0 || parameter.StartsWith("pear_", StringComparison.Ordinal) ? parameter : Site.Part.FileName(parameter);

    protected internal override OptimizerGroup GroupOf(string parameter)
        => parameter == "pear_gate" ? new("", Decays: false) : Site.Part.GroupOf(parameter);

    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var y = below.Forward(x);
        return Site.Apply(
            y,
            new(
                (part, output, context) => ((AdditiveAdapter)part).AddOf(output, x, context),
                (part, context, detached) => ((AdditiveAdapter)part).AddOf(zeros_like(y), detached ? x.detach() : x, context)),
            below.Context);
    }

    protected internal override Tensor Materialize(Tensor weight)
        => Updates().Aggregate(weight, (w, update) => update.Gate is null ? update.Part.Materialize(w) : w + (((AdditiveAdapter)update.Part).Delta() * update.Gate));

    protected internal override Tensor? MaterializeBias(Tensor? bias)
    {
        foreach (var (part, gate) in Updates())
        {
            if (part.MaterializeBias(null) is { } added)
            {
                added = gate is null ? added : added * gate;
                bias = bias is null ? added : bias + added;
            }
        }

        return Site.Mean is null ? bias : bias is null ? Site.Mean : bias + Site.Mean;
    }

    (Tensor A, Tensor B, Tensor? Bias) ILowRankUpdate.Update()
    {
        var (a, b, scale) = ((ILowRankPart)this).Factors;
        return (a, b.mul(scale), MaterializeBias(null));
    }

    LayerAdapter ILowRankPart.With(Tensor a, Tensor b) => new Lora(Layer, a, b, 1);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Site.Dispose();
        }

        base.Dispose(disposing);
    }

    // What is added to the weight here.
    private IEnumerable<(LinearAdapter Part, Tensor? Gate)> Updates()
    {
        if (!Site.IsPruned || Site.KeepsPart)
        {
            yield return ((LinearAdapter)Site.Part, null);
        }

        if (Site.Donor is { } donor)
        {
            yield return ((LinearAdapter)donor.Part, Site.Gate);
        }
    }
}

/// <summary>PEAR at a point of a block: the bottleneck made for it, or a borrowed one.</summary>
internal sealed class PearBlock : BlockAdapter, IPearPlace
{
    public PearBlock(Bottleneck part, string kind, int depth, PearOptions options)
        : base(part.Path, part.Point, part.Block) => Site = new PearSite(this, part, kind, depth, options);

    public PearSite Site { get; }

    protected internal override bool ReadsOtherTokens => Site.Part.ReadsOtherTokens;

    protected internal override string FileName(string parameter)
        => parameter.Length == 0 || parameter.StartsWith("pear_", StringComparison.Ordinal) ? parameter : Site.Part.FileName(parameter);

    protected internal override OptimizerGroup GroupOf(string parameter)
        => parameter == "pear_gate" ? new("", Decays: false) : Site.Part.GroupOf(parameter);

    protected internal override Tensor Forward(Tensor hidden, BlockState state, ForwardContext context)
        => Site.Apply(
            hidden,
            new(
                (part, output, pass) => output + ((Bottleneck)part).Added(hidden, state, pass),
                (part, pass, detached) => detached
                    ? ((Bottleneck)part).Added(hidden.detach(), state.Map(rows => rows.detach(), state.Rows), pass)
                    : ((Bottleneck)part).Added(hidden, state, pass)),
            context);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Site.Dispose();
        }

        base.Dispose(disposing);
    }
}
