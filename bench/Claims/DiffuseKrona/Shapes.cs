using static TorchSharp.torch;

namespace Bench.Claims.DiffuseKrona;

/// <summary>Pictures of 16 × 16 grey values from −1 to 1: ten kinds of shapes, each anywhere, of any size, turned a little. The last kind is the new subject.</summary>
internal static class Shapes
{
    /// <summary>Side of a picture.</summary>
    public const int Side = 16;

    /// <summary>Count of kinds, the subject included.</summary>
    public const int Kinds = 10;

    /// <summary>The kind that the base model has not seen: two bars that cross.</summary>
    public const int Subject = Kinds - 1;

    /// <summary>Pictures of given kinds, from the global generator, which the caller seeds.</summary>
    /// <param name="kinds">Kinds (n).</param>
    /// <returns>(n, 256).</returns>
    public static Tensor Draw(Tensor kinds)
    {
        var n = kinds.size(0);
        var axis = linspace(-1, 1, Side);
        var (y, x) = (axis.view(1, Side, 1).expand(n, Side, Side), axis.view(1, 1, Side).expand(n, Side, Side));
        var (left, top, size, turn) = (Between(-0.3, 0.3), Between(-0.3, 0.3), Between(0.35, 0.6), Between(-0.35, 0.35));
        var (dx, dy) = (x - left, y - top);
        var u = ((turn.cos() * dx) + (turn.sin() * dy)) / size;
        var v = ((turn.cos() * dy) - (turn.sin() * dx)) / size;

        // Distances from the edge, below 0 inside.
        var disc = ((u * u) + (v * v)).sqrt() - 1;
        var (flat, upright) = (maximum(u.abs() - 1, v.abs() - 0.3), maximum(u.abs() - 0.3, v.abs() - 1));
        var (rising, falling) = ((u + v).mul(Math.Sqrt(0.5)), (u - v).mul(Math.Sqrt(0.5)));
        Tensor[] edges =
        [
            disc,
            maximum(u.abs(), v.abs()) - 0.85,
            u.abs() + v.abs() - 1.1,
            (disc + 0.2).abs() - 0.25,
            flat,
            upright,
            minimum(flat, upright),
            maximum((u.abs() * 0.866) + (v * 0.5), -v) - 0.6,
            maximum(disc, -v),
            minimum(maximum(rising.abs() - 1, falling.abs() - 0.25), maximum(rising.abs() - 0.25, falling.abs() - 1)),
        ];
        var chosen = stack(edges, 1).gather(1, kinds.view(n, 1, 1, 1).expand(n, 1, Side, Side)).squeeze(1);
        return (chosen * size * -8).tanh().view(n, Side * Side);

        Tensor Between(double from, double to) => rand(n, 1, 1).mul(to - from).add(from);
    }
}
