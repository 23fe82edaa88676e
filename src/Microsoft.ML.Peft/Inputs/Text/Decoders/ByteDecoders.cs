using System.Globalization;
using System.Text;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.Decoders;

/// <summary>Reads the printable characters of byte-level tokens as bytes, and those as UTF-8.</summary>
internal sealed class ByteLevelDecoder : DecoderStep
{
    public override void Apply(List<string> tokens)
    {
        var bytes = new List<byte>();
        foreach (var token in tokens)
        {
            var start = bytes.Count;
            foreach (var c in token)
            {
                if (ByteAlphabet.Byte(c) is >= 0 and var value)
                {
                    bytes.Add((byte)value);
                    continue;
                }
                // A token with any other character, such as an added one, is text.
                bytes.RemoveRange(start, bytes.Count - start);
                bytes.AddRange(Encoding.UTF8.GetBytes(token));
                break;
            }
        }
        tokens.Clear();
        tokens.Add(Encoding.UTF8.GetString([.. bytes]));
    }
}

/// <summary>Joins tokens such as <c>&lt;0xE2&gt;</c> to the characters whose bytes they are.</summary>
internal sealed class ByteFallbackDecoder : DecoderStep
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public override void Apply(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        var bytes = new List<byte>();
        foreach (var token in tokens)
        {
            if (token is ['<', '0', 'x', _, _, '>'] && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                bytes.Add(value);
                continue;
            }
            Flush(bytes, result);
            result.Add(token);
        }
        Flush(bytes, result);
        tokens.Clear();
        tokens.AddRange(result);
    }

    /// <summary>Bytes that are no text become one replacement character each.</summary>
    private static void Flush(List<byte> bytes, List<string> result)
    {
        if (bytes.Count == 0)
            return;
        try
        {
            result.Add(Strict.GetString([.. bytes]));
        }
        catch (DecoderFallbackException)
        {
            result.AddRange(Enumerable.Repeat("\uFFFD", bytes.Count));
        }
        bytes.Clear();
    }
}
