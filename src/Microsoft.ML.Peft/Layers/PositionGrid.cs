using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Stretches a grid of position vectors to another count of rows and columns, by cubic interpolation.</summary>
/// <remarks>Keys' kernel with a = −3/4, pixel centres at half numbers, borders repeated: what PyTorch's <c>interpolate(mode="bicubic",
/// align_corners=False)</c> does. The interpolation is linear and separable, so it is two matrix products.</remarks>
internal static class PositionGrid
{
    private const double A = -0.75;

    /// <summary>grid (rows·columns, dim) gives (newRows·newColumns, dim).</summary>
    public static Tensor Resize(Tensor grid, (long Rows, long Columns) from, (long Rows, long Columns) to)
    {
        if (from == to)
        {
            return grid;
        }

        var single = grid.to(ScalarType.Float32);
        var vertical = Matrix(from.Rows, to.Rows, grid.device).mm(single.view(from.Rows, -1))  // (newRows, columns·dim)
            .view(to.Rows, from.Columns, -1).transpose(0, 1).reshape(from.Columns, -1);         // (columns, newRows·dim)
        return Matrix(from.Columns, to.Columns, grid.device).mm(vertical)
            .view(to.Columns, to.Rows, -1).transpose(0, 1).flatten(0, 1).to(grid.dtype);
    }

    // (to, from): how much of each old place is in each new one.
    private static Tensor Matrix(long from, long to, Device device)
    {
        var weights = new float[to * from];
        for (var k = 0L; k < to; k++)
        {
            var place = ((k + 0.5) * from / to) - 0.5;
            var first = (long)Math.Floor(place);
            var t = place - first;
            Span<double> taps = [Far(t + 1), Near(t), Near(1 - t), Far(2 - t)];
            for (var tap = 0; tap < 4; tap++)
            {
                weights[(k * from) + Math.Clamp(first - 1 + tap, 0, from - 1)] += (float)taps[tap];
            }
        }

        return tensor(weights, [to, from], device: device);
    }

    private static double Near(double x) => ((((A + 2) * x) - (A + 3)) * x * x) + 1;

    private static double Far(double x) => ((((A * x) - (5 * A)) * x) + (8 * A)) * x - (4 * A);
}
