using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>What a decoder remembers of the tokens that it has seen, so that each further token costs one token's work.</summary>
/// <remarks>It belongs to one batch of rows and one thread. With a cache, positions count the real tokens of each row, so
/// that rows may be padded on the left.</remarks>
public sealed class KeyValueCache : IDisposable
{
    private readonly List<KeyValueStore> _own = [];   // by block
    private readonly List<KeyValueStore> _cross = []; // by block: over the encoder's output
    private Tensor? _mask; // (batch, Length), 1 for a token, or null where nothing is padded

    /// <summary>Count of tokens seen, padding included.</summary>
    public long Length { get; private set; }

    /// <summary>The encoder's output that the decoder reads, once it is there.</summary>
    internal EncodedSource? Source { get; private set; }

    /// <summary>The store of a block's attention over its own tokens.</summary>
    internal KeyValueStore Own(int block) => At(_own, block);

    /// <summary>The store of a block's attention over the encoder's output.</summary>
    internal KeyValueStore Cross(int block) => At(_cross, block);

    /// <summary>Padding of all tokens, earlier and new: (batch, Length + length), or null where nothing is padded.</summary>
    internal Tensor? MaskWith(Tensor? mask, long batch, long length, Device device)
    {
        if (_mask is null && mask is null)
        {
            return null;
        }

        var added = mask?.view(batch, length) ?? ones(batch, length, ScalarType.Int64, device);
        return Length == 0 ? added : cat([_mask ?? ones(batch, Length, ScalarType.Int64, device), added], 1);
    }

    /// <summary>Counts tokens whose keys and values every block has stored.</summary>
    internal void Advance(Tensor? mask, long length)
    {
        var kept = mask?.alias().DetachFromDisposeScope();
        _mask?.Dispose();
        _mask = kept;
        Length += length;
    }

    /// <summary>Keeps the encoder's output.</summary>
    internal EncodedSource Keep(EncodedSource source)
    {
        Source = source with
        {
            Hidden = source.Hidden.alias().DetachFromDisposeScope(),
            Padding = source.Padding?.alias().DetachFromDisposeScope(),
        };
        return Source;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mask?.Dispose();
        Source?.Hidden.Dispose();
        Source?.Padding?.Dispose();
        foreach (var store in _own.Concat(_cross))
        {
            store.Dispose();
        }
    }

    private static KeyValueStore At(List<KeyValueStore> stores, int block)
    {
        while (stores.Count <= block)
        {
            stores.Add(new KeyValueStore());
        }

        return stores[block];
    }
}
