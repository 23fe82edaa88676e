using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A layer of experts in one pass, together with the adapters that are active on it, from the base outwards; as <see cref="LayerCall"/>.</summary>
/// <remarks>It is opened once a pass and then called for each expert that has tokens, so that an adapter can compute once what all experts need.</remarks>
public sealed class ExpertCall
{
    private readonly ExpertCall? _below;
    private readonly ExpertAdapter? _adapter;
    private readonly Func<Tensor, int, Tensor> _forward;

    private ExpertCall(ExpertLayer layer, ForwardContext context)
    {
        (Layer, Context) = (layer, context);
        _forward = (x, expert) => nn.functional.linear(x, layer.Weight.select(0, expert));
    }

    private ExpertCall(ExpertCall below, ExpertAdapter adapter)
    {
        (Layer, Context, _below, _adapter) = (below.Layer, below.Context, below, adapter);
        _forward = adapter.Begin(below);
    }

    /// <summary>The layer that is called.</summary>
    public ExpertLayer Layer { get; }

    /// <summary>What comes with the call.</summary>
    public ForwardContext Context { get; }

    /// <summary>The tokens of an expert, x (n, in), give (n, out), adapters included.</summary>
    public Tensor Forward(Tensor x, int expert) => _forward(x, expert);

    /// <summary>The weight (out, in) that the adapters of the call make of an expert's base weight.</summary>
    public Tensor Weight(int expert)
        => _below is null ? Layer.Weight.select(0, expert) : _adapter!.MaterializeExpert(_below.Weight(expert), expert);

    /// <summary>Opens a layer for a pass.</summary>
    internal static ExpertCall Open(ExpertLayer layer, ForwardContext context)
        => (context.AdaptersOf(layer) ?? []).Aggregate(new ExpertCall(layer, context), (below, adapter) => new ExpertCall(below, (ExpertAdapter)adapter));
}
