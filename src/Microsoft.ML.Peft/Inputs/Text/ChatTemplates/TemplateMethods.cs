using System.Text;

namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>The methods of texts, lists and tables; none changes its owner.</summary>
internal static class TemplateMethods
{
    /// <summary>A method by its name, or null.</summary>
    public static TemplateFunction? Find(object? owner, string name) => owner switch
    {
        string text => OfText(text, name),
        TemplateMap map => OfMap(map, name),
        List<object?> list => OfList(list, name),
        _ => null,
    };

    public static List<object?> Pairs(TemplateMap map) => [.. map.Select(pair => new TemplateTuple([pair.Key, pair.Value]))];

    public static string Strip(string text, string? characters, bool left, bool right)
    {
        var (start, end) = (0, text.Length);
        while (left && start < end && Goes(text[start]))
            start++;
        while (right && end > start && Goes(text[end - 1]))
            end--;
        return text[start..end];

        bool Goes(char c) => characters == null ? char.IsWhiteSpace(c) || c is >= '\u001c' and <= '\u001f' : characters.Contains(c, StringComparison.Ordinal);
    }

    public static string Replace(string text, string old, string replacement, long count)
    {
        var result = new StringBuilder();
        var at = 0;
        for (var n = 0L; count < 0 || n < count; n++)
        {
            var found = old.Length == 0 ? (n == 0 ? 0 : at + 1 <= text.Length ? at + 1 : -1) : text.IndexOf(old, at, StringComparison.Ordinal);
            if (found < 0)
                break;
            result.Append(text, at, found - at).Append(replacement);
            at = found + old.Length;
            TemplateBudget.CheckLength(result.Length);
        }
        return result.Append(text, at, text.Length - at).ToString();
    }

    public static string Capitalize(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    public static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        var inside = false;
        foreach (var c in text)
        {
            result.Append(inside ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inside = char.IsLetter(c);
        }
        return result.ToString();
    }

    private static TemplateFunction? OfText(string text, string name) => name switch
    {
        "strip" => Method(name, a => Strip(text, Characters(a), left: true, right: true)),
        "lstrip" => Method(name, a => Strip(text, Characters(a), left: true, right: false)),
        "rstrip" => Method(name, a => Strip(text, Characters(a), left: false, right: true)),
        "split" => Method(name, a => Split(text, a.Get(0, "sep", null), a.Number(1, "maxsplit", -1))),
        "rsplit" => Method(name, a => SplitFromEnd(text, a.Get(0, "sep", null), a.Number(1, "maxsplit", -1))),
        "splitlines" => Method(name, _ => Lines(text)),
        "partition" => Method(name, a => Partition(text, a.Text(0, "sep"), text.IndexOf(a.Text(0, "sep"), StringComparison.Ordinal), text, "")),
        "rpartition" => Method(name, a => Partition(text, a.Text(0, "sep"), text.LastIndexOf(a.Text(0, "sep"), StringComparison.Ordinal), "", text)),
        "startswith" => Method(name, a => Any(a.Get(0, "prefix"), part => text.StartsWith(part, StringComparison.Ordinal))),
        "endswith" => Method(name, a => Any(a.Get(0, "suffix"), part => text.EndsWith(part, StringComparison.Ordinal))),
        "removeprefix" => Method(name, a => text.StartsWith(a.Text(0, "prefix"), StringComparison.Ordinal) ? text[a.Text(0, "prefix").Length..] : text),
        "removesuffix" => Method(name, a => text.EndsWith(a.Text(0, "suffix"), StringComparison.Ordinal) ? text[..^a.Text(0, "suffix").Length] : text),
        "upper" => Method(name, _ => text.ToUpperInvariant()),
        "lower" => Method(name, _ => text.ToLowerInvariant()),
        "title" => Method(name, _ => Title(text)),
        "capitalize" => Method(name, _ => Capitalize(text)),
        "replace" => Method(name, a => Replace(text, a.Text(0, "old"), a.Text(1, "new"), a.Number(2, "count", -1))),
        "find" => Method(name, a => (long)text.IndexOf(a.Text(0, "sub"), StringComparison.Ordinal)),
        "rfind" => Method(name, a => (long)text.LastIndexOf(a.Text(0, "sub"), StringComparison.Ordinal)),
        "index" => Method(name, a => text.IndexOf(a.Text(0, "sub"), StringComparison.Ordinal) is >= 0 and var at ? (long)at : throw new FormatException("the part is not in the text")),
        "count" => Method(name, a => Count(text, a.Text(0, "sub"))),
        "join" => Method(name, a => TemplateBudget.Checked(string.Join(text, TemplateValue.Items(a.Get(0, "iterable")).Select(TemplateValue.ToText)))),
        "isdigit" => Method(name, _ => text.Length > 0 && text.All(char.IsDigit)),
        "isalpha" => Method(name, _ => text.Length > 0 && text.All(char.IsLetter)),
        "isalnum" => Method(name, _ => text.Length > 0 && text.All(char.IsLetterOrDigit)),
        "isspace" => Method(name, _ => text.Length > 0 && text.All(char.IsWhiteSpace)),
        "isupper" => Method(name, _ => text.Any(char.IsUpper) && !text.Any(char.IsLower)),
        "islower" => Method(name, _ => text.Any(char.IsLower) && !text.Any(char.IsUpper)),
        _ => null,
    };

    private static TemplateFunction? OfMap(TemplateMap map, string name) => name switch
    {
        "items" => Method(name, _ => Pairs(map)),
        "keys" => Method(name, _ => map.Keys.Cast<object?>().ToList()),
        "values" => Method(name, _ => map.Values.ToList()),
        "get" => Method(name, a => a.Get(0, "key") is string key && map.TryGetValue(key, out var value) ? value : a.Get(1, "default", null)),
        _ => null,
    };

    private static TemplateFunction? OfList(List<object?> list, string name) => name switch
    {
        "index" => Method(name, a => list.FindIndex(item => TemplateValue.AreEqual(item, a.Get(0, "value"))) is >= 0 and var at ? (long)at : throw new FormatException("the value is not in the list")),
        "count" => Method(name, a => list.LongCount(item => TemplateValue.AreEqual(item, a.Get(0, "value")))),
        _ => null,
    };

    private static TemplateFunction Method(string name, Func<TemplateArguments, object?> run) => (positional, named) => run(new TemplateArguments(name, positional, named));

    private static string? Characters(TemplateArguments arguments) => arguments.Get(0, "chars", null) as string;

    private static bool Any(object? parts, Func<string, bool> matches) => parts switch
    {
        string text => matches(text),
        List<object?> list => list.OfType<string>().Any(matches),
        _ => throw new FormatException($"a text or several are needed, not {TemplateValue.KindOf(parts)}"),
    };

    private static long Count(string text, string part)
    {
        var count = 0L;
        for (var at = text.IndexOf(part, StringComparison.Ordinal); at >= 0 && part.Length > 0; at = text.IndexOf(part, at + part.Length, StringComparison.Ordinal))
            count++;
        return part.Length == 0 ? text.Length + 1 : count;
    }

    private static List<object?> Split(string text, object? separator, long most)
    {
        var parts = new List<object?>();
        if (separator is string mark)
        {
            if (mark.Length == 0)
                throw new FormatException("a text cannot be split by nothing");
            var at = 0;
            for (int found; (most < 0 || parts.Count < most) && (found = text.IndexOf(mark, at, StringComparison.Ordinal)) >= 0; at = found + mark.Length)
                parts.Add(text[at..found]);
            parts.Add(text[at..]);
            return parts;
        }
        var rest = Strip(text, null, left: true, right: false);
        while (rest.Length > 0)
        {
            var end = most >= 0 && parts.Count == most ? rest.Length : rest.AsSpan().IndexOfAny(" \t\n\r\f\v\u001c\u001d\u001e\u001f\u0085\u00a0");
            if (end < 0 || (most >= 0 && parts.Count == most))
            {
                parts.Add(most >= 0 && parts.Count == most ? Strip(rest, null, left: false, right: true) : rest);
                break;
            }
            parts.Add(rest[..end]);
            rest = Strip(rest[end..], null, left: true, right: false);
        }
        return parts;
    }

    private static List<object?> SplitFromEnd(string text, object? separator, long most)
    {
        if (separator is not string mark || most < 0)
            return Split(text, separator, most < 0 ? -1 : throw new FormatException("'rsplit' needs a separator when it has a limit"));
        if (mark.Length == 0)
            throw new FormatException("a text cannot be split by nothing");
        var parts = new List<object?>();
        var end = text.Length;
        while (parts.Count < most && end > 0 && text.LastIndexOf(mark, end - 1, StringComparison.Ordinal) is >= 0 and var found)
        {
            parts.Insert(0, text[(found + mark.Length)..end]);
            end = found;
        }
        parts.Insert(0, text[..end]);
        return parts;
    }

    private static List<object?> Lines(string text)
    {
        var lines = text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n').Split('\n').ToList<object?>();
        if (lines[^1] is "")
            lines.RemoveAt(lines.Count - 1);
        return lines;
    }

    private static TemplateTuple Partition(string text, string mark, int found, string before, string after) =>
        new(found < 0 ? [before, "", after] : [text[..found], mark, text[(found + mark.Length)..]]);
}
