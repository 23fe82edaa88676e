using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Text.Unicode;

namespace Microsoft.ML.Peft.Inputs.Text.Normalizers;

/// <summary>BERT's clean-up: drops control characters, sets Chinese characters apart, strips accents, lowers the case.</summary>
internal sealed class BertNormalizer(bool cleanText, bool handleChinese, bool stripAccents, bool lowercase) : NormalizerStep
{
    public override bool Apply(TextBuffer source, TextBuffer target)
    {
        Span<int> parts = stackalloc int[UnicodeTables.LongestDecomposition];
        for (var i = 0; i < source.Length; i++)
        {
            var c = source.Chars[i];
            if (c < 0x80)
            {
                AddAscii(c, source, i, target);
                continue;
            }
            var index = i;
            var code = source.CodeAt(i, out var units);
            i += units - 1;
            if (cleanText)
            {
                var kind = CharKinds.Of(code);
                if (code == 0xFFFD || ((kind & CharKind.Control) != 0))
                {
                    continue;
                }
                if ((kind & CharKind.Space) != 0)
                    code = ' ';
            }
            var chinese = handleChinese && IsChinese(code);
            if (chinese)
                target.Add(' ', source, index);
            AddOne(code, parts, source, index, target);
            if (chinese)
                target.Add(' ', source, index);
        }
        return true;
    }

    private void AddAscii(char c, TextBuffer source, int index, TextBuffer target)
    {
        if (cleanText)
        {
            if (c is '\t' or '\n' or '\r')
                c = ' ';
            else if (c is < ' ' or '\u007f')
                return;
        }
        target.Add(lowercase && (uint)(c - 'A') <= 'Z' - 'A' ? (char)(c | 0x20) : c, source, index);
    }

    private void AddOne(int code, Span<int> parts, TextBuffer source, int index, TextBuffer target)
    {
        if (!stripAccents)
        {
            AddLower(code, source, index, target);
            return;
        }
        var count = UnicodeTables.Decompose(code, compatible: false, parts);
        if (count == 0)
        {
            parts[0] = code;
            count = 1;
        }
        foreach (var part in parts[..count])
        {
            if ((CharKinds.Of(part) & CharKind.NonSpacingMark) == 0)
                AddLower(part, source, index, target);
        }
    }

    private void AddLower(int code, TextBuffer source, int index, TextBuffer target)
    {
        if (!lowercase)
        {
            target.AddCode(code, source, index);
            return;
        }
        target.AddCode(LowerCase.Of(code, out var dot), source, index);
        if (dot)
            target.Add(LowerCase.DotAbove, source, index);
    }

    // The blocks of the original BERT code, its gap after U+2B81F included.
    private static bool IsChinese(int code) =>
        code is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
            or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
