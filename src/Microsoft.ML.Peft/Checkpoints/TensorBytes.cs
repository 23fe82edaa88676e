using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>The memory of a contiguous CPU tensor in pieces that a span can hold.</summary>
internal static class TensorBytes
{
    private const long PieceBytes = 1L << 28;

    public delegate void Visit(Span<byte> bytes, long offset);

    /// <summary>Shows every byte of <paramref name="tensor"/> once, in order.</summary>
    public static void ForEach(Tensor tensor, Visit visit)
    {
        var count = tensor.numel();
        if (count == 0)
            return;
        var size = tensor.ElementSize;
        if (count * size <= PieceBytes)
        {
            visit(tensor.bytes, 0);
            return;
        }
        using var flat = tensor.view(-1);
        var step = PieceBytes / size;
        for (var start = 0L; start < count; start += step)
        {
            using var piece = flat.narrow(0, start, Math.Min(step, count - start));
            visit(piece.bytes, start * size);
        }
    }
}
