using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>The trained keys and values of a forward pass.</summary>
/// <param name="table">(length, 2·pairs·width): for each pair in turn its key and its value.</param>
/// <param name="length">Count of keys before the tokens.</param>
/// <param name="everySecond">True to give each block the second next pair, round and round: what HF PEFT does in an encoder-decoder.</param>
internal sealed class PrefixStates(Tensor table, long length, bool everySecond = false)
{
    /// <summary>Count of keys before the tokens.</summary>
    public long Length => length;

    /// <summary>Key and value of a block in front of those of the tokens: (batch·tokens, width) gives (batch·(length + tokens), width).</summary>
    public (Tensor Key, Tensor Value) Before(int block, Tensor key, Tensor value, long batch)
    {
        return (Join(0, key), Join(1, value));

        Tensor Join(int which, Tensor own)
        {
            var width = own.size(1);
            var before = Slot(block, which, width).to(own.dtype).unsqueeze(0).expand(batch, length, width);
            return cat([before, own.view(batch, -1, width)], 1).flatten(0, 1);
        }
    }

    /// <summary>Key and value of a block for each row and head: (batch·key heads, length, size).</summary>
    public (Tensor Key, Tensor Value) ByHead(int block, AttentionShape shape, ScalarType type)
    {
        return (One(0), One(1));

        Tensor One(int which) => Slot(block, which, shape.KeyHeads * shape.HeadSize).to(type)
            .view(1, length, shape.KeyHeads, shape.HeadSize).transpose(1, 2)
            .expand(shape.Batch, shape.KeyHeads, length, shape.HeadSize).reshape(-1, length, shape.HeadSize);
    }

    // (length, width)
    private Tensor Slot(int block, int which, long width)
    {
        var pair = everySecond ? 2 * block % (table.size(1) / (2 * width)) : block;
        return table.narrow(1, ((2 * pair) + which) * width, width);
    }
}

/// <summary>The trained keys and values of a block.</summary>
internal readonly record struct PrefixPair(PrefixStates States, int Block);
