namespace Microsoft.ML.Peft.Inputs.Vision.Augmentation;

/// <summary>Hue, saturation and value of 8 bits each, in Pillow's arithmetic.</summary>
internal static class Hsv
{
    public static (byte Hue, byte Saturation, byte Value) Of(byte red, byte green, byte blue)
    {
        var (most, least) = (Math.Max(red, Math.Max(green, blue)), Math.Min(red, Math.Min(green, blue)));
        if (most == least)
            return (0, 0, most);
        float range = most - least;
        var (r, g, b) = ((most - red) / range, (most - green) / range, (most - blue) / range);
        // Only the sum is rounded to 32 bits.
        float hue = red == most ? b - g : green == most ? (float)(2.0 + r - b) : (float)(4.0 + g - r);
        hue = (float)(((hue / 6.0) + 1.0) % 1.0);
        return ((byte)Math.Clamp((int)(hue * 255.0), 0, 255), (byte)Math.Clamp((int)(range / most * 255.0), 0, 255), most);
    }

    public static (byte Red, byte Green, byte Blue) ToRgb(byte hue, byte saturation, byte value)
    {
        if (saturation == 0)
            return (value, value, value);
        var sector = (int)Math.Floor(hue * 6.0 / 255.0);
        var rest = (float)((hue * 6.0 / 255.0) - sector);
        var strength = (float)(saturation / 255.0);
        byte p = Rounded(value * (1.0 - strength)), q = Rounded(value * (1.0 - (strength * rest))), t = Rounded(value * (1.0 - (strength * (1.0 - rest))));
        return (sector % 6) switch
        {
            0 => (value, t, p),
            1 => (q, value, p),
            2 => (p, value, t),
            3 => (p, q, value),
            4 => (t, p, value),
            _ => (value, p, q),
        };
    }

    private static byte Rounded(double value) => (byte)Math.Clamp(Math.Round(value, MidpointRounding.AwayFromZero), 0, 255);
}
