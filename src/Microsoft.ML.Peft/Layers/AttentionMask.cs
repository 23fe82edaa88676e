using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>What is added to the scores of one attention: causality, a sliding window, padding and a bias.</summary>
/// <remarks>Built once per forward pass and shared by its blocks; long inputs ask for it in strips of queries, so that no
/// (queries, keys) matrix of the whole input exists.</remarks>
internal sealed class AttentionMask
{
    /// <summary>Added where a key is hidden. Two of them still make a finite number, so that a row of nothing but padding gives no NaN.</summary>
    public const float Hidden = float.MinValue / 2;

    private readonly Device _device;
    private readonly DisposeScope? _home; // the scope of the pass, which outlives those of its blocks
    private readonly long _past;
    private readonly long _queries;
    private readonly bool _causal;
    private readonly long _window;
    private readonly Tensor? _padding; // (batch, 1, 1, keys)
    private readonly Tensor? _bias;    // (1 or batch, heads, 1 or queries, keys)
    private readonly bool _biasByQuery;
    private (Tensor? Added, Tensor? Alive)? _whole;

    /// <summary>Describes a mask.</summary>
    /// <param name="past">Keys before the first query.</param>
    /// <param name="queries">Count of queries.</param>
    /// <param name="causal">True to hide the keys after each query.</param>
    /// <param name="device">Where the scores lie.</param>
    /// <param name="window">Count of keys that a query of a causal mask sees, itself included; 0 for all.</param>
    /// <param name="padding">From <see cref="PaddingOf"/>, or null where no key is padding.</param>
    /// <param name="bias">(1 or batch, heads, 1 or queries, keys), or null.</param>
    /// <param name="biasByQuery">True if the bias has a row for each query.</param>
    public AttentionMask(
        long past,
        long queries,
        bool causal,
        Device device,
        long window = 0,
        Tensor? padding = null,
        Tensor? bias = null,
        bool biasByQuery = false)
    {
        (_past, _queries, _causal, _device, _window) = (past, queries, causal, device, window);
        (_padding, _bias, _biasByQuery, _home) = (padding, bias, biasByQuery, CurrentDisposeScope);
    }

    /// <summary>True if each query sees the keys up to its own and nothing else plays a part: kernels know that mask by a flag.</summary>
    public bool IsCausalAlone => _causal && _past == 0 && !HasWindow && _padding is null && _bias is null;

    private bool HasWindow => _window > 0 && _window < _past + _queries;

    /// <summary>Turns (batch·keys) of 1 for a token and 0 for padding into (batch, 1, 1, keys) of 0 and <see cref="Hidden"/>.</summary>
    public static Tensor PaddingOf(Tensor mask, long batch, long keys)
        => (1 - mask.to(ScalarType.Float32)).mul_(Hidden).view(batch, 1, 1, keys);

    /// <summary>The keys that some query of a strip can see.</summary>
    public (long First, long Count) Keys(long start, long rows, long keys)
    {
        if (!_causal)
        {
            return (0, keys);
        }

        var first = _window > 0 ? Math.Max(0, _past + start - _window + 1) : 0;
        return (first, _past + start + rows - first);
    }

    /// <summary>What is added to the scores of a strip against its <see cref="Keys"/>, and what its outputs are multiplied with.</summary>
    /// <returns>Added: broadcasts to (batch, heads, rows, keys); null for nothing. Alive: (batch, 1, rows, 1), 0 for queries
    /// that see no key, which Hugging Face's models give nothing, and 1 for others; null where there is no such query.</returns>
    public (Tensor? Added, Tensor? Alive) Strip(long start, long rows, long first, long count)
        => rows < _queries ? Sum(start, rows, first, count) : _whole ??= Kept(Sum(start, rows, first, count));

    private (Tensor? Added, Tensor? Alive) Kept((Tensor? Added, Tensor? Alive) sum)
    {
        foreach (var part in (Tensor?[])[sum.Added, sum.Alive])
        {
            _ = _home is null ? part?.DetachFromDisposeScope() : part?.MoveToOtherDisposeScope(_home);
        }

        return sum;
    }

    private (Tensor? Added, Tensor? Alive) Sum(long start, long rows, long first, long count)
    {
        var sum = _causal && rows > 1 ? Causal(start, rows, first, count) : null;
        if (_padding is not null)
        {
            sum = Add(sum, _padding.narrow(3, first, count));
        }

        // Without a window every query sees the first token of its row, unless padding stands before it: such queries are padding themselves.
        var alive = _padding is null || !HasWindow ? null : sum!.amax([3], keepdim: true).gt(Hidden / 2).to(ScalarType.Float32);

        if (_bias is not null)
        {
            var bias = _biasByQuery ? _bias.narrow(2, start, rows) : _bias;
            sum = Add(sum, bias.narrow(3, first, count));
        }

        return (sum, alive);
    }

    private static Tensor Add(Tensor? sum, Tensor term) => sum is null ? term : sum + term;

    private Tensor Causal(long start, long rows, long first, long count)
    {
        var query = arange(_past + start, _past + start + rows, ScalarType.Int64, _device).unsqueeze(1);
        var key = arange(first, first + count, ScalarType.Int64, _device).unsqueeze(0);
        var hidden = key.gt(query);
        if (HasWindow)
        {
            hidden = hidden.logical_or(key.le(query - _window));
        }

        return zeros([1, 1, rows, count], device: _device).masked_fill_(hidden, Hidden);
    }
}
