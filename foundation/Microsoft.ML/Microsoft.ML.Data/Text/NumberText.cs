using System.Globalization;

namespace Microsoft.ML.Data;

/// <summary>Numbers as text files write them.</summary>
internal static class NumberText
{
    private static readonly double[] Powers = Enumerable.Range(0, 309).Select(i => double.Parse($"1e{i}", CultureInfo.InvariantCulture)).ToArray();
    private static readonly double[] NegativePowers = Enumerable.Range(0, 324).Select(i => double.Parse($"1e-{i}", CultureInfo.InvariantCulture)).ToArray();

    /// <summary>Digits that fit a 64 bit integer; further ones only shift the exponent.</summary>
    private const ulong DigitLimit = (ulong.MaxValue - 9) / 10;

    public static bool TryParse(ReadOnlySpan<char> text, bool emptyAsNaN, char decimalMarker, out float value)
    {
        value = 0;
        if (!TryTrim(ref text))
            return false;
        if (text.IsEmpty)
        {
            value = emptyAsNaN ? float.NaN : 0;
            return true;
        }
        if (!TryScan(text, decimalMarker, out bool negative, out ulong digits, out long exponent))
        {
            bool special = TrySpecial(text, out double d);
            value = (float)d;
            return special;
        }
        // One product in double precision, then one rounding: fast, and what the real loader gives.
        double magnitude = digits == 0 ? 0
            : exponent >= 0 ? (exponent < Powers.Length ? Powers[exponent] * digits : double.PositiveInfinity)
            : (-exponent < NegativePowers.Length ? NegativePowers[-exponent] * digits : 0);
        value = negative ? -(float)magnitude : (float)magnitude;
        return true;
    }

    public static bool TryParse(ReadOnlySpan<char> text, bool emptyAsNaN, char decimalMarker, out double value)
    {
        value = 0;
        if (!TryTrim(ref text))
            return false;
        if (text.IsEmpty)
        {
            value = emptyAsNaN ? double.NaN : 0;
            return true;
        }
        if (!TryScan(text, decimalMarker, out _, out _, out _))
            return TrySpecial(text, out value);
        if (decimalMarker == '.')
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
        return double.TryParse(text.ToString().Replace(decimalMarker, '.'), NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>White space may follow a number, but stand before a single character only: so the real parser reads.</summary>
    private static bool TryTrim(ref ReadOnlySpan<char> text)
    {
        var rest = text.TrimStart();
        bool good = rest.Length == text.Length || rest.Length <= 1;
        text = rest.TrimEnd();
        return good;
    }

    private static bool TrySpecial(ReadOnlySpan<char> text, out double value)
    {
        (bool known, value) = text switch
        {
            "?" or "NaN" or "NA" => (true, double.NaN),
            "∞" or "+∞" or "Infinity" or "+Infinity" => (true, double.PositiveInfinity),
            "-∞" or "-Infinity" => (true, double.NegativeInfinity),
            _ => (false, 0.0),
        };
        return known;
    }

    /// <summary>Sign, digits, decimals, exponent: the whole text or nothing.</summary>
    private static bool TryScan(ReadOnlySpan<char> text, char decimalMarker, out bool negative, out ulong digits, out long exponent)
    {
        negative = false;
        digits = 0;
        exponent = 0;
        int i = 0;
        if (text[0] is '-' or '+')
        {
            negative = text[0] == '-';
            i++;
        }
        bool any = false, marker = false;
        for (; i < text.Length; i++)
        {
            char c = text[i];
            if (c == decimalMarker && !marker)
            {
                marker = true;
                continue;
            }
            if (!char.IsAsciiDigit(c))
                break;
            any = true;
            if (digits <= DigitLimit)
            {
                digits = digits * 10 + (uint)(c - '0');
                if (marker)
                    exponent--;
            }
            else if (!marker)
            {
                exponent++;
            }
        }
        if (!any)
            return false;
        if (i == text.Length)
            return true;
        if (text[i] is not ('e' or 'E') || ++i == text.Length)
            return false;
        bool negativeExponent = false;
        if (text[i] is '-' or '+')
        {
            negativeExponent = text[i] == '-';
            i++;
        }
        if (i == text.Length)
            return false;
        long e = 0;
        for (; i < text.Length; i++)
        {
            if (!char.IsAsciiDigit(text[i]))
                return false;
            e = Math.Min(1_000_000, e * 10 + (text[i] - '0'));
        }
        exponent += negativeExponent ? -e : e;
        return true;
    }

    public static bool TryParse(ReadOnlySpan<char> text, out ulong value)
    {
        value = 0;
        foreach (char c in text)
        {
            if (!char.IsAsciiDigit(c))
                return false;
            ulong digit = (uint)(c - '0');
            if (value > (ulong.MaxValue - digit) / 10)
                return false;
            value = value * 10 + digit;
        }
        return true;
    }

    public static bool TryParse(ReadOnlySpan<char> text, long min, long max, out long value)
    {
        value = 0;
        bool negative = !text.IsEmpty && text[0] == '-';
        if (negative && text.Length == 1)
            return false;
        if (!TryParse(negative ? text[1..] : text, out ulong magnitude))
            return false;
        if (magnitude > (negative ? (ulong)long.MaxValue + 1 : long.MaxValue))
            return false;
        value = negative ? unchecked(-(long)magnitude) : (long)magnitude;
        return value >= min && value <= max;
    }

    public static bool TryParse(ReadOnlySpan<char> text, out bool value)
    {
        Span<char> lower = stackalloc char[5];
        if (text.Length > lower.Length)
        {
            value = false;
            return false;
        }
        text.ToLowerInvariant(lower);
        (bool known, value) = ((ReadOnlySpan<char>)lower[..text.Length]) switch
        {
            "" => (true, false),
            "1" or "+1" or "t" or "y" or "+" or "yes" or "true" => (true, true),
            "0" or "-1" or "f" or "n" or "-" or "no" or "false" => (true, false),
            _ => (false, false),
        };
        return known;
    }
}
