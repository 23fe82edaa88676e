using System.Text;

namespace Microsoft.ML.Peft.Inputs.Text.Unicode;

/// <summary>Lower case of single characters, as Unicode's full mapping has it and in every culture.</summary>
internal static class LowerCase
{
    /// <summary>The combining dot that İ keeps: the only character whose lower case is longer than one.</summary>
    public const char DotAbove = '\u0307';

    /// <summary>The first character of the lower case; <paramref name="dot"/> says that <see cref="DotAbove"/> follows.</summary>
    public static int Of(int code, out bool dot)
    {
        dot = code == 0x130;
        if (dot)
            return 'i';
        return code < 0x80
            ? (uint)(code - 'A') <= 'Z' - 'A' ? code | 0x20 : code
            : Rune.IsValid(code) ? Rune.ToLowerInvariant(new Rune(code)).Value : code;
    }
}
