using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Adds up what a part of PEAR adds to its place, for the mean over tokens that are no padding.</summary>
internal sealed class PearMean : IDisposable
{
    private Tensor? _sum; // (out)
    private long _count;

    /// <summary>Adds the tokens of a pass.</summary>
    /// <param name="added">What the part added (…, out).</param>
    /// <param name="context">The pass.</param>
    public void Add(Tensor added, ForwardContext context)
    {
        using var scope = NewDisposeScope();
        var rows = added.reshape(-1, added.size(-1)).to(ScalarType.Float32);
        var mask = context.Inputs?.Tokens?.Mask is { } present && present.size(0) == rows.size(0) ? present : null;
        rows = mask is null ? rows : rows * mask.unsqueeze(1);
        var sum = _sum is null ? rows.sum([0L]) : _sum + rows.sum([0L]);
        _count += mask is null ? rows.size(0) : mask.sum().item<long>();
        _sum?.Dispose();
        _sum = sum.DetachFromDisposeScope();
    }

    /// <summary>The mean (out), or null where nothing was added.</summary>
    public Tensor? Value() => _sum is null ? null : _sum / Math.Max(1, _count);

    /// <summary>Forgets what was added up.</summary>
    public void Dispose()
    {
        _sum?.Dispose();
        (_sum, _count) = (null, 0);
    }
}
