namespace Microsoft.ML.Peft.Inputs.Vision.Augmentation;

/// <summary>Changes of a picture's colours with the very bytes that Pillow's <c>ImageEnhance</c> and <c>ImageOps</c> give.</summary>
internal static class PixelAdjustments
{
    // Weights of red, green and blue in gray, in 1/65536: ITU-R 601.
    private const int RedWeight = 19595;
    private const int GreenWeight = 38470;
    private const int BlueWeight = 7471;

    /// <summary>Blends with black: 0 gives black, 1 the picture.</summary>
    public static RgbImage Brightness(RgbImage image, double factor) => Blend(image, factor, (_, _) => 0);

    /// <summary>Blends with the mean gray.</summary>
    public static RgbImage Contrast(RgbImage image, double factor)
    {
        long sum = 0;
        for (var i = 0; i < image.Data.Length; i += RgbImage.PixelBytes)
            sum += Gray(image.Data, i);
        var mean = (int)(((double)sum / ((long)image.Width * image.Height)) + 0.5);
        return Blend(image, factor, (_, _) => mean);
    }

    /// <summary>Blends with the picture in gray.</summary>
    public static RgbImage Saturation(RgbImage image, double factor) => Blend(image, factor, (pixel, _) => Gray(image.Data, pixel));

    /// <summary>Blends with the picture smoothed: less than 1 blurs, more sharpens.</summary>
    public static RgbImage Sharpness(RgbImage image, double factor)
    {
        var row = image.Width * RgbImage.PixelBytes;
        return Blend(image, factor, (pixel, channel) =>
        {
            var (x, y) = (pixel % row / RgbImage.PixelBytes, pixel / row);
            var at = pixel + channel;
            if (x == 0 || y == 0 || x == image.Width - 1 || y == image.Height - 1)
                return image.Data[at]; // the rim is not smoothed
            // A 3x3 mean in which the middle counts five times.
            var sum = 4 * image.Data[at];
            for (var dy = -row; dy <= row; dy += row)
                sum += image.Data[at + dy - RgbImage.PixelBytes] + image.Data[at + dy] + image.Data[at + dy + RgbImage.PixelBytes];
            return (int)((sum / 13f) + 0.5f);
        });
    }

    /// <summary>Turns the hue in Pillow's HSV of 8 bits: a shift of 1 is a whole turn.</summary>
    public static RgbImage Hue(RgbImage image, double shift)
    {
        var pixels = RgbImage.NewPixels(image.Width, image.Height);
        var steps = (int)(shift * 255);
        for (var i = 0; i < pixels.Length; i += RgbImage.PixelBytes)
        {
            var (hue, saturation, value) = Hsv.Of(image.Data[i], image.Data[i + 1], image.Data[i + 2]);
            (pixels[i], pixels[i + 1], pixels[i + 2]) = Hsv.ToRgb(unchecked((byte)(hue + steps)), saturation, value);
        }
        return new RgbImage(pixels, image.Width, image.Height);
    }

    /// <summary>Keeps the highest bits of each colour.</summary>
    public static RgbImage Posterize(RgbImage image, int bits)
    {
        var mask = (byte)~((1 << (8 - bits)) - 1);
        return Map(image, (_, value) => (byte)(value & mask));
    }

    /// <summary>Inverts what is at or above the threshold.</summary>
    public static RgbImage Solarize(RgbImage image, int threshold) => Map(image, (_, value) => (byte)(value < threshold ? value : 255 - value));

    public static RgbImage Invert(RgbImage image) => Map(image, (_, value) => (byte)(255 - value));

    /// <summary>Stretches each colour so that its darkest becomes 0 and its lightest 255.</summary>
    public static RgbImage AutoContrast(RgbImage image)
    {
        var counts = Counts(image);
        var tables = counts.Select(count =>
        {
            var (low, high) = (Array.FindIndex(count, n => n > 0), Array.FindLastIndex(count, n => n > 0));
            if (high <= low)
                return null;
            var scale = 255.0 / (high - low);
            return Enumerable.Range(0, 256).Select(v => (byte)Math.Clamp((int)((v * scale) + (-low * scale)), 0, 255)).ToArray();
        }).ToArray();
        return Map(image, (channel, value) => tables[channel]?[value] ?? value);
    }

    /// <summary>Makes each colour's values equally frequent.</summary>
    public static RgbImage Equalize(RgbImage image)
    {
        var tables = Counts(image).Select(count =>
        {
            var used = count.Where(n => n > 0).ToArray();
            var step = used.Length <= 1 ? 0 : (used.Sum() - used[^1]) / 255;
            if (step == 0)
                return null;
            var table = new byte[256];
            long sum = step / 2;
            for (var v = 0; v < 256; v++)
            {
                table[v] = (byte)Math.Min(255, sum / step);
                sum += count[v];
            }
            return table;
        }).ToArray();
        return Map(image, (channel, value) => tables[channel]?[value] ?? value);
    }

    /// <summary>Mirrors left and right.</summary>
    public static RgbImage Flip(RgbImage image) => Decoding.Orientation.Apply(image, 2);

    private static int Gray(byte[] data, int pixel)
        => ((data[pixel] * RedWeight) + (data[pixel + 1] * GreenWeight) + (data[pixel + 2] * BlueWeight) + 0x8000) >> 16;

    private static long[][] Counts(RgbImage image)
    {
        long[][] counts = [new long[256], new long[256], new long[256]];
        for (var i = 0; i < image.Data.Length; i += RgbImage.PixelBytes)
        {
            for (var c = 0; c < 3; c++)
                counts[c][image.Data[i + c]]++;
        }
        return counts;
    }

    private static RgbImage Map(RgbImage image, Func<int, byte, byte> map)
    {
        var table = new byte[3 * 256];
        for (var i = 0; i < table.Length; i++)
            table[i] = map(i / 256, (byte)i);
        var pixels = RgbImage.NewPixels(image.Width, image.Height);
        for (var i = 0; i < pixels.Length; i += RgbImage.PixelBytes)
        {
            for (var c = 0; c < 3; c++)
                pixels[i + c] = table[(256 * c) + image.Data[i + c]];
        }
        return new RgbImage(pixels, image.Width, image.Height);
    }

    /// <summary>other + factor·(picture − other) in 32-bit floats, cut to bytes.</summary>
    private static RgbImage Blend(RgbImage image, double factor, Func<int, int, int> other)
    {
        if (factor == 1)
            return image;
        var weight = (float)factor;
        var pixels = RgbImage.NewPixels(image.Width, image.Height);
        for (var i = 0; i < pixels.Length; i += RgbImage.PixelBytes)
        {
            for (var c = 0; c < 3; c++)
            {
                var from = other(i, c);
                var value = from + (weight * (image.Data[i + c] - from));
                pixels[i + c] = (byte)Math.Clamp(value, 0, 255);
            }
        }
        return new RgbImage(pixels, image.Width, image.Height);
    }
}
