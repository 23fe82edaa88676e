using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The core <c>C = L + U</c> of <see cref="TriAdaptLora"/> from its blocks: few operators, whatever their count.</summary>
internal sealed class TriangularCore : IDisposable
{
    private Tensor? _places; // of L and U (2·r·r), Int64, in all blocks end to end; null for a single block
    private Tensor? _nothing; // 0 (1), which stands behind the blocks
    private long _rank;

    /// <summary>Prepares for blocks of other sizes.</summary>
    /// <param name="sizes">a_k.</param>
    /// <param name="device">Where the blocks are.</param>
    public void Arrange(IReadOnlyList<int> sizes, Device device)
    {
        if (sizes.Count == 1)
        {
            return;
        }

        var rank = sizes.Sum();
        var places = new long[2 * rank * rank];
        Array.Fill(places, Numbers(sizes));
        var (offset, before) = (0L, 0);
        foreach (var size in sizes)
        {
            var whole = before + size;
            for (var k = 0; k < size; k++)
            {
                for (var other = 0; other < whole; other++)
                {
                    places[((before + k) * rank) + other] = offset + (k * whole) + other; // Crow (a, n)
                    places[(rank * rank) + (other * rank) + before + k] = offset + (size * whole) + (other * size) + k; // Ccol (n, a), behind it
                }
            }

            (offset, before) = (offset + (2 * size * whole), whole);
        }

        Dispose();
        _rank = rank;
        _places = tensor(places, device: device).DetachFromDisposeScope();
        _nothing = zeros(1, device: device).DetachFromDisposeScope();
    }

    /// <summary>C (r, r).</summary>
    public Tensor Of(IReadOnlyList<TriAdaptBlock> blocks)
        => blocks.Count == 1 ? blocks[0].Row + blocks[0].Column
            : cat([.. blocks.SelectMany(block => new[] { block.Row.view(-1), block.Column.view(-1) }), _nothing!])
                .index_select(0, _places!).view(2, _rank, _rank).sum(0L);

    /// <inheritdoc/>
    public void Dispose()
    {
        _places?.Dispose();
        _nothing?.Dispose();
    }

    private static long Numbers(IReadOnlyList<int> sizes)
    {
        var (count, whole) = (0L, 0L);
        foreach (var size in sizes)
        {
            whole += size;
            count += 2 * size * whole;
        }

        return count;
    }
}
