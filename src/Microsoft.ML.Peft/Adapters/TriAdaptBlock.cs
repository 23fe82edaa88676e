using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Ranks that <see cref="TriAdaptLora"/> got at one time.</summary>
/// <param name="Size">a, how many.</param>
/// <param name="A">(a, in).</param>
/// <param name="B">(out, a).</param>
/// <param name="Row">Crow (a, n), n the ranks up to here.</param>
/// <param name="Column">Ccol (n, a).</param>
internal sealed record TriAdaptBlock(int Size, Parameter A, Parameter B, Parameter Row, Parameter Column)
{
    /// <summary>A of all blocks (r, in).</summary>
    public static Tensor Rows(IReadOnlyList<TriAdaptBlock> blocks) => blocks.Count == 1 ? blocks[0].A : cat([.. blocks.Select(block => block.A)]);

    /// <summary>B of all blocks (out, r).</summary>
    public static Tensor Columns(IReadOnlyList<TriAdaptBlock> blocks) => blocks.Count == 1 ? blocks[0].B : cat([.. blocks.Select(block => block.B)], 1);

    /// <summary>Multiplies what the block has of the core.</summary>
    public void Rescale(double factor)
    {
        Row.mul_(factor);
        Column.mul_(factor);
    }
}

/// <summary>Blocks joined for one training step: leaves of the graph, so that a grown layer computes what a layer of one block computes, forward and backward.</summary>
internal sealed class JoinedBlocks : IDisposable
{
    /// <summary>Joins blocks.</summary>
    public JoinedBlocks(IReadOnlyList<TriAdaptBlock> blocks, TriangularCore core)
    {
        using var scope = NewDisposeScope();
        using (no_grad())
        {
            (A, B, Core) = (TriAdaptBlock.Rows(blocks), TriAdaptBlock.Columns(blocks), core.Of(blocks));
        }

        foreach (var leaf in (Tensor[])[A, B, Core])
        {
            leaf.requires_grad_().DetachFromDisposeScope();
        }
    }

    /// <summary>A (r, in).</summary>
    public Tensor A { get; }

    /// <summary>B (out, r).</summary>
    public Tensor B { get; }

    /// <summary>C (r, r).</summary>
    public Tensor Core { get; }

    /// <summary>Gives each block its share of the gradients, beside what it has: a number of both triangles has the same in both.</summary>
    public void HandBack(IReadOnlyList<TriAdaptBlock> blocks)
    {
        using var _ = no_grad();
        var (a, b, core) = (A.grad, B.grad, Core.grad);
        var start = 0;
        foreach (var block in blocks)
        {
            var whole = start + block.Size;
            Add(block.A, a?.narrow(0, start, block.Size));
            Add(block.B, b?.narrow(1, start, block.Size));
            Add(block.Row, core?.narrow(0, start, block.Size).narrow(1, 0, whole));
            Add(block.Column, core?.narrow(0, 0, whole).narrow(1, start, block.Size));
            start = whole;
        }

        static void Add(Parameter parameter, Tensor? gradient)
        {
            if (gradient is not null)
            {
                parameter.grad = parameter.grad is { } before ? before + gradient : gradient;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
        Core.Dispose();
    }
}
