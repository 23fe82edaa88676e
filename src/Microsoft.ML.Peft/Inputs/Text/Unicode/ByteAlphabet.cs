using System.Text;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Unicode;

/// <summary>The 256 printable characters by which byte-level tokenizers write bytes.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] CharOf = MakeChars();
    private static readonly short[] ByteOf = MakeBytes();

    public static char Char(byte value) => CharOf[value];

    /// <summary>The byte that a character stands for, or −1.</summary>
    public static int Byte(char c) => c < ByteOf.Length ? ByteOf[c] : -1;

    /// <summary>Appends the bytes of a stretch of text, each as its character; all belong to the character that they are of.</summary>
    public static void Append(TextBuffer source, int start, int end, TextBuffer target)
    {
        Span<byte> bytes = stackalloc byte[4];
        for (var i = start; i < end; i++)
        {
            var c = source.Chars[i];
            if (c < 0x80)
            {
                target.Add(CharOf[c], source, i);
                continue;
            }
            var code = source.CodeAt(i, out var units);
            var count = new Rune(code).EncodeToUtf8(bytes);
            foreach (var value in bytes[..count])
                target.Add(CharOf[value], source, i);
            i += units - 1;
        }
    }

    private static char[] MakeChars()
    {
        var chars = new char[256];
        var next = 256;
        for (var value = 0; value < 256; value++)
            chars[value] = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : (char)next++;
        return chars;
    }

    private static short[] MakeBytes()
    {
        var bytes = new short[0x180];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < 256; value++)
            bytes[CharOf[value]] = (short)value;
        return bytes;
    }
}
