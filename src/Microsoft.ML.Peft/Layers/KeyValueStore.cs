using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Keys and values of one attention that later tokens look back at; grows in place.</summary>
/// <remarks>A buffer that is full is replaced by one of twice the size, so that each number is moved about once however many
/// tokens follow. It is for prediction: nothing of it is part of an autograd graph.</remarks>
internal sealed class KeyValueStore : IDisposable
{
    private const long FirstCapacity = 32;
    private Tensor? _keys;   // (batch·key heads, capacity, d)
    private Tensor? _values;
    private long _capacity;

    /// <summary>Count of tokens in it.</summary>
    public long Length { get; private set; }

    /// <summary>Adds keys and values (batch·key heads, count, d) and gives all there are.</summary>
    /// <exception cref="InvalidOperationException">A graph is being recorded.</exception>
    public (Tensor Keys, Tensor Values) Append(Tensor keys, Tensor values, long count)
    {
        if (is_grad_enabled())
        {
            throw new InvalidOperationException("A cache of keys and values works under no_grad() only: it is written in place.");
        }

        if (Length + count > _capacity)
        {
            _capacity = Math.Max(Math.Max(FirstCapacity, 2 * _capacity), Length + count);
            (_keys, _values) = (Grown(_keys, keys), Grown(_values, values));
        }

        _keys!.narrow(1, Length, count).copy_(keys);
        _values!.narrow(1, Length, count).copy_(values);
        Length += count;
        return All();
    }

    /// <summary>Everything in it.</summary>
    public (Tensor Keys, Tensor Values) All() => (_keys!.narrow(1, 0, Length), _values!.narrow(1, 0, Length));

    /// <inheritdoc/>
    public void Dispose()
    {
        _keys?.Dispose();
        _values?.Dispose();
    }

    private Tensor Grown(Tensor? old, Tensor like)
    {
        var grown = empty(like.size(0), _capacity, like.size(2), like.dtype, like.device).DetachFromDisposeScope();
        if (old is not null)
        {
            grown.narrow(1, 0, Length).copy_(old.narrow(1, 0, Length));
            old.Dispose();
        }

        return grown;
    }
}
