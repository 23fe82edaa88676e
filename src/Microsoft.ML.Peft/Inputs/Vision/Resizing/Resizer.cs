using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Peft.Inputs.Vision.Resizing;

/// <summary>Makes pictures smaller or larger with the very bytes that Pillow's <c>Image.resize</c> gives.</summary>
public static class Resizer
{
    private const int Rounding = 1 << (FilterWeights.Precision - 1);

    /// <summary>Resizes a whole picture.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="width">New pixels in a row, 1 or more.</param>
    /// <param name="height">New number of rows, 1 or more.</param>
    /// <param name="resampling">How pixels are weighted; all but <see cref="Resampling.Nearest"/> average when a picture gets smaller.</param>
    /// <exception cref="ArgumentException">The new size has no pixel or more than <see cref="RgbImage.MaxPixels"/>.</exception>
    public static RgbImage Resize(RgbImage image, int width, int height, Resampling resampling = Resampling.Bilinear)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Resize(image, width, height, resampling, 0, 0, image.Width, image.Height);
    }

    /// <summary>Resizes a rectangle of a picture, as if it had been cut out before.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="width">New pixels in a row, 1 or more.</param>
    /// <param name="height">New number of rows, 1 or more.</param>
    /// <param name="resampling">How pixels are weighted.</param>
    /// <param name="left">First column of the rectangle.</param>
    /// <param name="top">First row of the rectangle.</param>
    /// <param name="cutWidth">Columns of the rectangle, 1 or more.</param>
    /// <param name="cutHeight">Rows of the rectangle, 1 or more.</param>
    /// <exception cref="ArgumentException">The rectangle is not within the picture, or the new size has no pixel or too many.</exception>
    public static RgbImage Resize(RgbImage image, int width, int height, Resampling resampling, int left, int top, int cutWidth, int cutHeight)
    {
        ArgumentNullException.ThrowIfNull(image);
        Guard.InRange(width, 1, 1 << 20);
        Guard.InRange(height, 1, 1 << 20);
        Guard.InRange((long)width * height, 1, RgbImage.MaxPixels, nameof(width));
        Guard.InRange(cutWidth, 1, image.Width);
        Guard.InRange(cutHeight, 1, image.Height);
        Guard.InRange(left, 0, image.Width - cutWidth);
        Guard.InRange(top, 0, image.Height - cutHeight);
        var source = new Plane(image.Data, image.Width, left, top, cutWidth, cutHeight);
        if (width == cutWidth && height == cutHeight)
            return cutWidth == image.Width && cutHeight == image.Height ? image : Copy(source);
        if (resampling == Resampling.Nearest)
            return Nearest(source, width, height);

        var weights = height == cutHeight ? null : FilterWeights.Of(cutHeight, 0, cutHeight, height, resampling);
        if (width != cutWidth)
        {
            // Rows that no new row needs are left out.
            var (first, last) = weights is null ? (0, cutHeight) : (weights.Starts[0], weights.Starts[^1] + weights.Counts[^1]);
            if ((long)width * (last - first) > RgbImage.MaxPixels)
                throw new ArgumentException($"A picture of {cutWidth} x {cutHeight} pixels is too narrow to be made {width} x {height}.", nameof(image));
            var rows = AlongRows(source, FilterWeights.Of(cutWidth, 0, cutWidth, width, resampling), width, first, last);
            if (weights is null)
                return new RgbImage(rows, width, height);
            source = new Plane(rows, width, 0, -first, width, cutHeight);
        }
        return new RgbImage(AlongColumns(source, weights!, height), width, height);
    }

    private static RgbImage Copy(Plane source)
    {
        var pixels = RgbImage.NewPixels(source.Width, source.Height);
        for (var y = 0; y < source.Height; y++)
            source.Row(y).CopyTo(pixels.AsSpan(y * source.Width * RgbImage.PixelBytes));
        return new RgbImage(pixels, source.Width, source.Height);
    }

    private static RgbImage Nearest(Plane source, int width, int height)
    {
        var pixels = RgbImage.NewPixels(width, height);
        var (columns, rows) = (NearestOf(source.Width, width), NearestOf(source.Height, height));
        var target = MemoryMarshal.Cast<byte, uint>(pixels.AsSpan());
        for (var y = 0; y < height; y++)
        {
            var row = MemoryMarshal.Cast<byte, uint>(source.Row(rows[y]));
            for (var x = 0; x < width; x++)
                target[(y * width) + x] = row[columns[x]];
        }
        return new RgbImage(pixels, width, height);
    }

    /// <summary>The old pixel for each new one, added up step by step as Pillow does, so that rounding falls the same way.</summary>
    private static int[] NearestOf(int size, int newSize)
    {
        var step = (double)size / newSize;
        var result = new int[newSize];
        var place = step * 0.5;
        for (var x = 0; x < newSize; x++, place += step)
            result[x] = Math.Min(size - 1, (int)place);
        return result;
    }

    /// <summary>Weighs pixels within rows; only rows from <paramref name="first"/> to before <paramref name="last"/> are made.</summary>
    private static byte[] AlongRows(Plane source, FilterWeights weights, int width, int first, int last)
    {
        var pixels = RgbImage.NewPixels(width, last - first);
        for (var y = first; y < last; y++)
        {
            ref var row = ref MemoryMarshal.GetReference(source.Row(y));
            ref var target = ref Unsafe.As<byte, uint>(ref pixels[(y - first) * width * RgbImage.PixelBytes]);
            for (var x = 0; x < width; x++)
            {
                ref var from = ref Unsafe.Add(ref row, weights.Starts[x] * RgbImage.PixelBytes);
                Unsafe.Add(ref target, x) = Weigh(ref from, weights.Weights.AsSpan(x * weights.Stride, weights.Counts[x]));
            }
        }
        return pixels;
    }

    private static uint Weigh(ref byte from, ReadOnlySpan<int> weights)
    {
        var sum = Vector128.Create(Rounding);
        var k = 0;
        if (Avx2.IsSupported)
        {
            // Two pixels at a time.
            var sums = Vector256<int>.Zero;
            for (; k + 1 < weights.Length; k += 2)
            {
                var pair = Avx2.ConvertToVector256Int32(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref from, k * RgbImage.PixelBytes))).AsByte());
                sums += pair * Vector256.Create(Vector128.Create(weights[k]), Vector128.Create(weights[k + 1]));
            }
            sum += sums.GetLower() + sums.GetUpper();
        }
        for (; k < weights.Length; k++)
        {
            var pixel = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref from, k * RgbImage.PixelBytes))).AsByte();
            sum += Vector128.WidenLower(Vector128.WidenLower(pixel)).AsInt32() * weights[k];
        }
        var clipped = Vector128.Min(Vector128.Max(sum >> FilterWeights.Precision, Vector128<int>.Zero), Vector128.Create(255)).AsUInt32();
        var words = Vector128.Narrow(clipped, clipped);
        return Vector128.Narrow(words, words).AsUInt32().ToScalar();
    }

    /// <summary>Weighs pixels within columns, a stretch of a row at a time.</summary>
    private static byte[] AlongColumns(Plane source, FilterWeights weights, int height)
    {
        var pixels = RgbImage.NewPixels(source.Width, height);
        var length = source.Width * RgbImage.PixelBytes;
        for (var y = 0; y < height; y++)
        {
            var target = pixels.AsSpan(y * length, length);
            var column = weights.Weights.AsSpan(y * weights.Stride, weights.Counts[y]);
            ref var first = ref MemoryMarshal.GetReference(source.Row(weights.Starts[y]));
            var at = 0;
            for (; at + Vector256<byte>.Count <= length; at += Vector256<byte>.Count)
                Weigh(ref Unsafe.Add(ref first, at), source.Stride, column).CopyTo(target[at..]);
            if (at < length && length >= Vector256<byte>.Count)
            {
                // The last stretch overlaps the one before it.
                at = length - Vector256<byte>.Count;
                Weigh(ref Unsafe.Add(ref first, at), source.Stride, column).CopyTo(target[at..]);
                at = length;
            }
            for (; at < length; at++)
            {
                var sum = Rounding;
                for (var k = 0; k < column.Length; k++)
                    sum += Unsafe.Add(ref first, (k * source.Stride) + at) * column[k];
                target[at] = (byte)Math.Clamp(sum >> FilterWeights.Precision, 0, 255);
            }
        }
        return pixels;
    }

    private static Vector256<byte> Weigh(ref byte from, int stride, ReadOnlySpan<int> weights)
    {
        var (a, b, c, d) = (Vector256.Create(Rounding), Vector256.Create(Rounding), Vector256.Create(Rounding), Vector256.Create(Rounding));
        for (var k = 0; k < weights.Length; k++)
        {
            var weight = Vector256.Create(weights[k]);
            var (lower, upper) = Vector256.Widen(Vector256.LoadUnsafe(ref Unsafe.Add(ref from, k * stride)));
            a += Vector256.WidenLower(lower).AsInt32() * weight;
            b += Vector256.WidenUpper(lower).AsInt32() * weight;
            c += Vector256.WidenLower(upper).AsInt32() * weight;
            d += Vector256.WidenUpper(upper).AsInt32() * weight;
        }
        return Vector256.Narrow(Vector256.Narrow(Clip(a), Clip(b)), Vector256.Narrow(Clip(c), Clip(d)));
    }

    private static Vector256<uint> Clip(Vector256<int> sum)
        => Vector256.Min(Vector256.Max(sum >> FilterWeights.Precision, Vector256<int>.Zero), Vector256.Create(255)).AsUInt32();

    /// <summary>A rectangle of pixels; its rows may be a part of longer ones.</summary>
    private readonly struct Plane(byte[] data, int rowPixels, int left, int top, int width, int height)
    {
        public int Width => width;

        public int Height => height;

        public int Stride => rowPixels * RgbImage.PixelBytes;

        public ReadOnlySpan<byte> Row(int y) => data.AsSpan((((top + y) * rowPixels) + left) * RgbImage.PixelBytes, width * RgbImage.PixelBytes);
    }
}
