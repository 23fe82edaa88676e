using System.Globalization;
using Microsoft.ML.Peft.Inputs.Text.Normalizers;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>The four normal forms pass Unicode's own conformance test, version 15.0.</summary>
[TestClass]
public sealed class UnicodeNormalizerTests
{
    [TestMethod]
    public void Conformance()
    {
        UnicodeNormalizer[] forms = [new(false, true), new(false, false), new(true, true), new(true, false)]; // NFC, NFD, NFKC, NFKD
        var lines = 0;
        foreach (var line in File.ReadLines(Path.Combine(TestArchive.Unpack("tokenizer-components.tar.br"), "NormalizationTest.txt")))
        {
            if (line.Length == 0 || line[0] is '#' or '@')
                continue;
            lines++;
            var columns = line.Split(';').Take(5).Select(Text).ToArray();
            for (var column = 0; column < 5; column++)
            {
                Assert.AreEqual(columns[column < 3 ? 1 : 3], Apply(forms[0], columns[column]), $"NFC of column {column + 1}: {line}");
                Assert.AreEqual(columns[column < 3 ? 2 : 4], Apply(forms[1], columns[column]), $"NFD of column {column + 1}: {line}");
                Assert.AreEqual(columns[3], Apply(forms[2], columns[column]), $"NFKC of column {column + 1}: {line}");
                Assert.AreEqual(columns[4], Apply(forms[3], columns[column]), $"NFKD of column {column + 1}: {line}");
            }
        }
        Assert.IsGreaterThan(18_000, lines);
    }

    [TestMethod]
    [Timeout(5000, CooperativeCancellation = false)]
    public void A_million_marks_on_one_letter_take_no_square_time()
    {
        var text = "a" + string.Concat(Enumerable.Repeat("\u0301\u0323", 500_000));
        var normalized = Apply(new UnicodeNormalizer(false, true), text);
        StringAssert.StartsWith(normalized, "\u1EA1\u0323\u0323");
        Assert.AreEqual('\u0301', normalized[^1]);
    }

    private static string Text(string codes) => string.Concat(codes.Split(' ').Select(code => char.ConvertFromUtf32(int.Parse(code, NumberStyles.HexNumber, CultureInfo.InvariantCulture))));

    private static string Apply(UnicodeNormalizer form, string text)
    {
        var (source, target) = (new TextBuffer(), new TextBuffer());
        source.Reset(tracked: true);
        target.Reset(tracked: true);
        source.Load(text, 0);
        return (form.Apply(source, target) ? target : source).Text.ToString();
    }
}
