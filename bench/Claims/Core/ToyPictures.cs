using static TorchSharp.torch;

namespace Bench.Claims.Core;

/// <summary>Pictures (3, 16, 16) of coloured shapes under noise, in two kinds: 6 shapes in 6 colours are 36 classes.</summary>
internal static class ToyPictures
{
    private const int Side = 16;

    private static readonly string[] s_colourNames = ["red", "green", "blue", "yellow", "magenta", "cyan"];
    private static readonly string[] s_shapeNames = ["square", "bar", "column", "cross", "frame", "stairs"];
    private static readonly float[][] s_colours = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]];

    /// <summary>Names of the classes.</summary>
    public static IReadOnlyList<string> Classes { get; } = [.. from shape in s_shapeNames from colour in s_colourNames select $"{colour} {shape}"];

    /// <summary>Pictures (n, 3, 16, 16) of some classes.</summary>
    /// <param name="classes">Class of each picture.</param>
    /// <param name="random">Where random numbers come from.</param>
    /// <param name="shifted">True for the second kind: channels run into each other, contrast is low, noise is strong.</param>
    public static Tensor Draw(IReadOnlyList<int> classes, Random random, bool shifted)
    {
        var numbers = new float[classes.Count * 3 * Side * Side];
        for (var k = 0; k < classes.Count; k++)
        {
            var colour = s_colours[classes[k] % 6];
            if (shifted)
            {
                colour = [.. Enumerable.Range(0, 3).Select(c => (0.45f * colour[c]) + (0.35f * colour[(c + 1) % 3]))];
            }

            var (size, noise) = (random.Next(7, 11), shifted ? 0.5 : 0.25);
            var (top, left) = (random.Next(Side - size + 1), random.Next(Side - size + 1));
            for (var p = 0; p < 3 * Side * Side; p++)
            {
                var (c, y, x) = (p / (Side * Side), (p / Side % Side) - top, (p % Side) - left);
                var inside = x >= 0 && y >= 0 && x < size && y < size && Covers(classes[k] / 6, x, y, size);
                numbers[(k * 3 * Side * Side) + p] = (inside ? (2 * colour[c]) - 0.3f : -0.5f) + (float)(noise * Normal(random));
            }
        }

        return tensor(numbers, [classes.Count, 3, Side, Side]);
    }

    private static bool Covers(int shape, int x, int y, int size) => shape switch
    {
        0 => true,
        1 => Math.Abs((2 * y) - size) <= size / 3,
        2 => Math.Abs((2 * x) - size) <= size / 3,
        3 => Math.Abs((2 * x) - size) <= size / 3 || Math.Abs((2 * y) - size) <= size / 3,
        4 => x < 2 || y < 2 || x >= size - 2 || y >= size - 2,
        _ => x >= y,
    };

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
