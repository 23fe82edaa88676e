using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Silences heads of an attention, by zeros in front of the layer after them, and measures what the heads matter. Trains nothing.</summary>
/// <remarks><c>[m₁·O₁, …, m_h·O_h]·Wᵀ</c>, m 0 or 1; merged, the columns of a silent head are zero.</remarks>
public sealed class HeadMask : LinearAdapter
{
    private readonly List<(Tensor Zero, Tensor Heads)> _seen = [];
    private Tensor? _open; // (heads·d), or null where all heads speak

    internal HeadMask(LinearLayer target, HeadMap heads, int block, bool applies)
        : base(target) => (Heads, Block, Applies, Silent) = (heads, block, applies, new bool[heads.Heads]);

    /// <summary>The heads.</summary>
    public HeadMap Heads { get; }

    /// <summary>Index of the block.</summary>
    public int Block { get; }

    /// <summary>False where the silent heads are only written down here, because another part of the adapter leaves them out.</summary>
    public bool Applies { get; }

    /// <summary>True for each silent head.</summary>
    public IReadOnlyList<bool> Silent { get; private set; }

    /// <summary>What each head mattered when it was measured last, or null.</summary>
    public IReadOnlyList<double>? Scores { get; internal set; }

    /// <summary>True while the passes are written down for <see cref="TakeContribution"/>.</summary>
    internal bool Records { get; set; }

    /// <summary>True while gradients pass silent heads as if they spoke, so that what makes them can be measured; what is computed stays.</summary>
    internal bool PassesGradients { get; set; }

    /// <summary>Silences some heads and lets the others speak.</summary>
    internal void Silence(IReadOnlyList<bool> silent)
    {
        using var _ = no_grad();
        Silent = [.. silent];
        _open?.Dispose();
        _open = Applies && silent.Any(s => s)
            ? tensor(silent.Select(s => s ? 0f : 1f).ToArray(), device: Layer.Weight.Dense().device).repeat_interleave(Heads.Size).DetachFromDisposeScope()
            : null;
    }

    /// <inheritdoc/>
    protected internal override bool KeepsWeight => !Applies;

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => _open is null ? weight : weight * InTypeOf(weight, _open);

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var masked = _open is null ? x : x * InTypeOf(x, _open);
        if (PassesGradients && _open is not null)
        {
            masked += (x - x.detach()) * InTypeOf(x, 1 - _open); // zeros
        }

        if (Records)
        {
            // A zero that is added has the gradient of what the heads give, also where the mask stops it.
            var zero = zeros_like(masked).requires_grad_(true);
            _seen.Add((zero.DetachFromDisposeScope(), x.detach().DetachFromDisposeScope()));
            masked += zero;
        }

        return below.Forward(masked);
    }

    /// <summary>Gradient times output, <c>∂L/∂O ⊙ O</c>, of the passes since the last time, with their sums by head (heads): as they are, and of their sizes.</summary>
    internal (Tensor Sum, Tensor Size) TakeContribution()
    {
        var (sum, size) = (zeros([Heads.Heads], device: Layer.Weight.Dense().device), zeros([Heads.Heads], device: Layer.Weight.Dense().device));
        foreach (var (zero, heads) in _seen)
        {
            if (zero.grad is { } gradient)
            {
                var parts = (gradient * heads).to(ScalarType.Float32).view(-1, Heads.Heads, Heads.Size);
                (sum, size) = (sum + parts.sum([0L, 2L]), size + parts.abs().sum([0L, 2L]));
            }
        }

        Forget();
        return (sum, size);
    }

    /// <summary>Frees what was written down.</summary>
    internal void Forget()
    {
        foreach (var (zero, heads) in _seen)
        {
            zero.Dispose();
            heads.Dispose();
        }

        _seen.Clear();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Forget();
            _open?.Dispose();
        }

        base.Dispose(disposing);
    }
}
