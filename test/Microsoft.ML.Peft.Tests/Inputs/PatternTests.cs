using System.Text.RegularExpressions;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Patterns;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Our regular expressions against the runtime's, where both speak of the same thing.</summary>
[TestClass]
public sealed class PatternTests
{
    [TestMethod]
    [DataRow(@"a|ab|c")]
    [DataRow(@"(?:ab|a)(?:c|bcd)?d*")]
    [DataRow(@"(a|b)*c")]
    [DataRow(@"(a*)*b")]
    [DataRow(@"(?:a?){3}b{1,2}")]
    [DataRow(@"a{2,}?b|c{0,2}")]
    [DataRow(@"(?:(?:a|b){2}c){1,3}")]
    [DataRow(@"[^ab]+(?=c)|b(?!a)")]
    [DataRow(@"(?>a+)b|a")]
    [DataRow(@"(?<=a)b|(?<!b)c")]
    [DataRow(@"\bab\b|\Bc")]
    [DataRow(@"(?i)AB|(?i:c)D")]
    [DataRow(@"[a-c]+?d|.\n")]
    [DataRow(@"\s+(?!\S)|\s+|\w+|[^\s\w]+")]
    [DataRow(@"\A.|c\z")]
    [DataRow(@"((a|ab)(c|bcd)(d*))+")]
    [DataRow(@"x*")]
    [DataRow(@"(?:)|a")]
    [DataRow(@"[\d\-a]+|[]b]|[^]a]")]
    [DataRow(@"a++b|c?+c|d*+")]
    public void Matches_are_those_of_the_runtime(string pattern)
    {
        var ours = Pattern.Compile(pattern);
        // The runtime writes possessive loops as atomic groups and has no look-behind trouble.
        var theirs = new Regex(pattern.Replace("a++", "(?>a+)", StringComparison.Ordinal).Replace("c?+", "(?>c?)", StringComparison.Ordinal).Replace("d*+", "(?>d*)", StringComparison.Ordinal), RegexOptions.CultureInvariant);
        var random = new Random(1);
        for (var n = 0; n < 2000; n++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => "aaabbbcccddd  \nA-]1"[random.Next(19)]));
            var expected = theirs.Matches(text).Select(m => (m.Index, m.Index + m.Length)).ToList();
            CollectionAssert.AreEqual(expected, All(ours, text), $"'{pattern}' on '{text}'");
        }
    }

    [TestMethod]
    [DataRow("(")]
    [DataRow("a)")]
    [DataRow("[a")]
    [DataRow("*a")]
    [DataRow(@"(a)\1")]
    [DataRow(@"(?<=ab)c")]
    [DataRow(@"\p{Nonsense}")]
    [DataRow(@"a{5,2}")]
    [DataRow(@"a{100000}")]
    [DataRow(@"(?x)a")]
    [DataRow(@"[b-a]")]
    [DataRow(@"\")]
    [DataRow(@"((a{900}){900}){900}")]
    public void What_is_not_known_is_an_error(string pattern) => Assert.ThrowsExactly<FormatException>(() => Pattern.Compile(pattern));

    [TestMethod]
    public void Deep_nesting_is_an_error() => Assert.ThrowsExactly<FormatException>(() => Pattern.Compile(new string('(', 100_000)));

    [TestMethod]
    [Timeout(10_000, CooperativeCancellation = false)]
    public void Exponential_patterns_end_with_an_error()
    {
        var error = Assert.ThrowsExactly<ModelFormatException>(() => All(Pattern.Compile("^(a+)+$"), new string('a', 40) + "b"));
        Assert.AreEqual(ModelFormatError.LimitExceeded, error.Error);
    }

    [TestMethod]
    public void Characters_beyond_the_basic_plane_are_one()
    {
        CollectionAssert.AreEqual(new List<(int, int)> { (0, 2), (2, 4) }, All(Pattern.Compile("."), "𝔄😀"));
        CollectionAssert.AreEqual(new List<(int, int)> { (0, 2) }, All(Pattern.Compile(@"\p{L}"), "𝔄😀"));
        CollectionAssert.AreEqual(new List<(int, int)> { (2, 4) }, All(Pattern.Compile(@"[^\p{L}]"), "𝔄😀"));
        CollectionAssert.AreEqual(new List<(int, int)> { (1, 3) }, All(Pattern.Compile(@"\p{Han}+"), "a中文b"));
    }

    /// <summary>The hand-written scanners do what the expressions do that they stand for.</summary>
    [TestMethod]
    [DataRow(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    [DataRow(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    [DataRow(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    public void Scanners_equal_their_expressions(string pattern)
    {
        var scanner = WordScanner.Known(pattern);
        Assert.IsNotNull(scanner);
        var expression = Pattern.Compile(pattern);
        string[] bits = ["a", "B", "é", "中", "𝔄", "1", "22", "333", "²", "٣", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "'", "'s", "'LL", "'ſ", "'re", "!", "...", "😀", "\u0301", "_"];
        var random = new Random(2);
        for (var n = 0; n < 20_000; n++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(10)).Select(_ => bits[random.Next(bits.Length)]));
            CollectionAssert.AreEqual(All(expression, text), All(scanner, text), $"'{text}'");
        }
    }

    private static List<(int Start, int End)> All(ITextPattern pattern, string text)
    {
        var found = new List<(int, int)>();
        var budget = Pattern.BudgetFor(text.Length);
        for (var position = 0; position <= text.Length;)
        {
            var start = pattern.Find(text, position, ref budget, out var end);
            if (start < 0)
                break;
            found.Add((start, end));
            position = end > start ? end : end + 1;
        }
        return found;
    }
}
