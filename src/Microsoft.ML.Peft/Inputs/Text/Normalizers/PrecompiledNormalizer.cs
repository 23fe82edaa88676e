using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.Normalizers;

/// <summary>A replacement table as SentencePiece compiles it: a double-array tree of UTF-8 bytes and the texts that it leads to.</summary>
internal sealed class PrecompiledNormalizer : NormalizerStep
{
    private const int MaxBytes = 16 << 20;
    private const int LongestGrapheme = 5; // bytes; the reference looks longer ones up character by character

    private readonly uint[] _units;
    private readonly byte[] _texts;
    private readonly string?[] _ascii = new string?[128];

    private PrecompiledNormalizer(uint[] units, byte[] texts)
    {
        _units = units;
        _texts = texts;
        Span<char> one = stackalloc char[1];
        for (var c = 0; c < _ascii.Length; c++)
        {
            one[0] = (char)c;
            _ascii[c] = Find(one);
        }
    }

    /// <summary>Reads the base64 of <c>precompiled_charsmap</c>; an empty one changes nothing.</summary>
    public static new NormalizerStep Read(JsonPart json)
    {
        var map = json.Get("precompiled_charsmap");
        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(map.String(""));
        }
        catch (FormatException e)
        {
            throw map.Error($"is no base64: {e.Message}");
        }
        return FromBytes(bytes, map);
    }

    /// <summary>Reads the table itself.</summary>
    public static NormalizerStep FromBytes(byte[] bytes, JsonPart json)
    {
        if (bytes.Length == 0)
            return new PrecompiledNormalizer([], []);
        var size = bytes.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;
        if (bytes.Length > MaxBytes || size % 4 != 0 || size == 0 || size > bytes.Length - 4)
            throw json.Error($"has {bytes.Length} bytes and a tree of {size}; it is damaged or larger than {MaxBytes}.");
        var units = new uint[size / 4];
        for (var i = 0; i < units.Length; i++)
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4 + (4 * i)));
        return new PrecompiledNormalizer(units, bytes[(4 + (int)size)..]);
    }

    public override bool Apply(TextBuffer source, TextBuffer target)
    {
        var text = source.Text;
        for (var i = 0; i < text.Length;)
        {
            var c = text[i];
            // A plain character before another is a grapheme of its own, but for \r\n.
            if (c < 0x80 && c != '\r' && (i + 1 == text.Length || text[i + 1] < 0x80))
            {
                Replace(_ascii[c], source, i, 1, target);
                i++;
                continue;
            }
            var length = StringInfo.GetNextTextElementLength(text[i..]);
            var grapheme = text.Slice(i, length);
            if (Encoding.UTF8.GetByteCount(grapheme) <= LongestGrapheme && Find(grapheme) is { } whole)
            {
                Replace(whole, source, i, length, target);
            }
            else
            {
                for (var k = i; k < i + length;)
                {
                    source.CodeAt(k, out var units);
                    Replace(Find(text.Slice(k, units)), source, k, units, target);
                    k += units;
                }
            }
            i += length;
        }
        return true;
    }

    /// <summary>Appends what stands for some characters: each new one belongs to its counterpart, or to the last.</summary>
    private static void Replace(string? replacement, TextBuffer source, int start, int length, TextBuffer target)
    {
        if (replacement == null)
        {
            target.AddRange(source, start, length);
            return;
        }
        var at = start;
        var last = start;
        for (var i = 0; i < replacement.Length;)
        {
            var units = char.IsHighSurrogate(replacement[i]) && i + 1 < replacement.Length ? 2 : 1;
            if (at < start + length)
            {
                last = at;
                source.CodeAt(at, out var taken);
                at += taken;
            }
            for (var k = 0; k < units; k++)
                target.Add(replacement[i + k], source, last);
            i += units;
        }
    }

    /// <summary>What the shortest entry that begins the text leads to, or null.</summary>
    private string? Find(ReadOnlySpan<char> text)
    {
        if (_units.Length == 0)
            return null;
        Span<byte> bytes = stackalloc byte[LongestGrapheme + 4];
        if (!Encoding.UTF8.TryGetBytes(text, bytes, out var count))
            return null;
        var position = Offset(_units[0]);
        foreach (var value in bytes[..count])
        {
            position ^= value;
            if (value == 0 || position >= _units.Length)
                return null;
            var unit = _units[position];
            if ((unit & 0x800000FF) != value)
                return null;
            position ^= Offset(unit);
            if ((unit & 0x100) == 0)
                continue;
            if (position >= _units.Length)
                return null;
            return TextAt(_units[position] & 0x7FFFFFFF);
        }
        return null;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);

    private string? TextAt(uint start)
    {
        if (start >= _texts.Length)
            return null;
        var rest = _texts.AsSpan((int)start);
        var end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }
}
