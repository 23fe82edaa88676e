namespace Microsoft.ML.Data;

/// <summary>
/// Pictures in another size. Enlarged ones are interpolated by Mitchell's cubic, reduced ones are halved until less than half remains to be
/// taken off and then interpolated linearly; so does the real library, but the last bits of a pixel may differ from it.
/// </summary>
internal static class Resampling
{
    /// <summary>Where the source is drawn in the target.</summary>
    public readonly record struct Place(int X, int Y, int Width, int Height);

    /// <summary>Stretched to the size, each pixel being that of the source below its middle.</summary>
    public static Pixels Nearest(Pixels source, int width, int height)
    {
        var target = Pixels.Create(width, height);
        for (int y = 0; y < height; y++)
        {
            int fromY = (int)((2L * y + 1) * source.Height / (2L * height));
            for (int x = 0; x < width; x++)
            {
                int fromX = (int)((2L * x + 1) * source.Width / (2L * width));
                source.Bytes.AsSpan((fromY * source.Width + fromX) * Pixels.BytesPerPixel, Pixels.BytesPerPixel)
                    .CopyTo(target.Bytes.AsSpan((y * width + x) * Pixels.BytesPerPixel));
            }
        }
        return target;
    }

    /// <summary>The whole source in the middle, and what it does not cover black and transparent.</summary>
    public static Place Padded(Pixels source, int width, int height)
    {
        float across = (float)width / source.Width, down = (float)height / source.Height, scale = Math.Min(across, down);
        int x = down < across ? (int)((width - source.Width * scale) / 2) : 0;
        int y = down < across ? 0 : (int)((height - source.Height * scale) / 2);
        return new Place(x, y, (int)(source.Width * scale), (int)(source.Height * scale));
    }

    /// <summary>The whole target covered; what does not fit is cut off at the sides away from the anchor (0 near, 0.5 middle, 1 far).</summary>
    public static Place Cropped(Pixels source, int width, int height, float anchorX, float anchorY)
    {
        float across = (float)width / source.Width, down = (float)height / source.Height, scale = Math.Max(across, down);
        int x = down < across ? 0 : (int)((width - source.Width * scale) * anchorX);
        int y = down < across ? (int)((height - source.Height * scale) * anchorY) : 0;
        return new Place(x, y, (int)(source.Width * scale), (int)(source.Height * scale));
    }

    /// <summary>Draws the source over black; every pixel that is drawn is opaque.</summary>
    public static Pixels Draw(Pixels source, int width, int height, Place place)
    {
        var target = Pixels.Create(width, height);
        if (place.Width <= 0 || place.Height <= 0)
            return target;
        bool reduced = (long)place.Width * place.Height < (long)source.Width * source.Height;
        if (reduced)
        {
            // The scale of both directions together decides, as if the picture were square.
            double scale = Math.Sqrt((double)place.Width * place.Height / ((double)source.Width * source.Height));
            for (; scale <= 0.5 && source.Width > 1 && source.Height > 1; scale *= 2)
                source = Halved(source);
        }
        var columns = Taps(source.Width, place.Width, place.X, width, reduced);
        var rows = Taps(source.Height, place.Height, place.Y, height, reduced);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                if (columns[x] is null || rows[y] is null)
                    continue;
                int to = (y * width + x) * Pixels.BytesPerPixel;
                for (int c = 0; c < 3; c++)
                    target.Bytes[to + c] = Sample(source, columns[x], rows[y], c);
                target.Bytes[to + 3] = 255;
            }
        }
        return target;
    }

    private static byte Sample(Pixels source, (int At, float Weight)[] columns, (int At, float Weight)[] rows, int channel)
    {
        float sum = 0;
        foreach (var (y, down) in rows)
        {
            float line = 0;
            foreach (var (x, across) in columns)
                line += across * source.Bytes[(y * source.Width + x) * Pixels.BytesPerPixel + channel];
            sum += down * line;
        }
        return (byte)Math.Clamp((int)MathF.Round(sum), 0, 255);
    }

    /// <summary>For each target pixel the source pixels that make it, with their weights; null outside of the place. Pixels beyond an edge are those at it.</summary>
    private static (int At, float Weight)[][] Taps(int source, int size, int offset, int target, bool linear)
    {
        var taps = new (int, float)[target][];
        for (int i = Math.Max(0, offset); i < Math.Min(target, offset + size); i++)
        {
            double at = (i - offset + 0.5) * source / size - 0.5;
            int first = (int)Math.Floor(at);
            float part = (float)(at - first);
            float[] weights = linear ? [1 - part, part] : [Mitchell(part + 1), Mitchell(part), Mitchell(1 - part), Mitchell(2 - part)];
            int begin = linear ? first : first - 1;
            taps[i] = weights.Select((w, k) => (Math.Clamp(begin + k, 0, source - 1), w)).ToArray();
        }
        return taps;
    }

    /// <summary>Mitchell and Netravali's cubic with B = C = 1/3.</summary>
    private static float Mitchell(float x) => x < 1
        ? (7 * x * x * x - 12 * x * x + 16f / 3) / 6
        : x < 2 ? (-7f / 3 * x * x * x + 12 * x * x - 20 * x + 32f / 3) / 6 : 0;

    /// <summary>Half the size: the mean of the pixels that each new one covers.</summary>
    private static Pixels Halved(Pixels source)
    {
        var half = Pixels.Create(Math.Max(1, source.Width / 2), Math.Max(1, source.Height / 2));
        for (int y = 0; y < half.Height; y++)
        {
            var rows = Cover(y, half.Height, source.Height);
            for (int x = 0; x < half.Width; x++)
            {
                var columns = Cover(x, half.Width, source.Width);
                int to = (y * half.Width + x) * Pixels.BytesPerPixel;
                for (int c = 0; c < Pixels.BytesPerPixel; c++)
                    half.Bytes[to + c] = Sample(source, columns, rows, c);
            }
        }
        return half;
    }

    /// <summary>Two pixels where the size is even; else three, the outer ones by how much of them is covered.</summary>
    private static (int, float)[] Cover(int i, int half, int full)
    {
        double from = (double)i * full / half, to = (double)(i + 1) * full / half;
        var covered = new List<(int, float)>();
        for (int at = (int)from; at < to - 1e-9; at++)
            covered.Add((at, (float)((Math.Min(to, at + 1) - Math.Max(from, at)) / (to - from))));
        return covered.ToArray();
    }
}
