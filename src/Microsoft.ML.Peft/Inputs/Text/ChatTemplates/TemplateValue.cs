using System.Globalization;
using System.Text;

namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>What a name or key stands for that is not there; it writes nothing and is false.</summary>
internal sealed class Undefined(string name)
{
    public string Name => name;
}

/// <summary>A table with its keys in order.</summary>
internal sealed class TemplateMap : Dictionary<string, object?>
{
    public TemplateMap()
        : base(StringComparer.Ordinal)
    {
    }
}

/// <summary>A list that is written with round brackets.</summary>
internal sealed class TemplateTuple(IEnumerable<object?> items) : List<object?>(items);

/// <summary>A table whose fields <c>set</c> may change.</summary>
internal sealed class TemplateNamespace
{
    public Dictionary<string, object?> Fields { get; } = new(StringComparer.Ordinal);
}

/// <summary>Something that can be called.</summary>
internal delegate object? TemplateFunction(List<object?> positional, Dictionary<string, object?> named);

/// <summary>Values as Python sees them: truth, equality, order, text.</summary>
/// <remarks>A value is null, bool, long, double, string, a list, a <see cref="TemplateMap"/> or one of the types above.</remarks>
internal static class TemplateValue
{
    private const int MaxNesting = 100;

    /// <summary>Turns what a caller passes into values; what is neither text, number, list nor table becomes its text.</summary>
    public static object? From(object? value, int depth = 0)
    {
        if (depth > MaxNesting)
            throw new ArgumentException($"A value is nested deeper than {MaxNesting} levels.");
        return value switch
        {
            null or bool or long or double or string or TemplateMap or TemplateFunction => value,
            int or short or byte or uint => Convert.ToInt64(value, CultureInfo.InvariantCulture),
            float or decimal => Convert.ToDouble(value, CultureInfo.InvariantCulture),
            System.Text.Json.JsonElement json => FromJson(json, depth),
            System.Collections.IDictionary map => FromPairs(map.Keys.Cast<object>().Select(key => (key.ToString()!, map[key])), depth),
            IEnumerable<KeyValuePair<string, object?>> pairs => FromPairs(pairs.Select(pair => (pair.Key, pair.Value)), depth),
            System.Collections.IEnumerable list => list.Cast<object?>().Select(item => From(item, depth + 1)).ToList(),
            _ => value.ToString(),
        };
    }

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        List<object?> list => list.Count > 0,
        TemplateMap map => map.Count > 0,
        _ => true,
    };

    public static bool AreEqual(object? left, object? right)
    {
        if (IsNumber(left) && IsNumber(right))
            return left is double || right is double ? ToDouble(left) == ToDouble(right) : ToLong(left) == ToLong(right);
        return (left, right) switch
        {
            (null, null) or (Undefined, Undefined) => true,
            (string a, string b) => a == b,
            (List<object?> a, List<object?> b) => a.Count == b.Count && a.Zip(b).All(pair => AreEqual(pair.First, pair.Second)),
            (TemplateMap a, TemplateMap b) => a.Count == b.Count && a.All(pair => b.TryGetValue(pair.Key, out var other) && AreEqual(pair.Value, other)),
            _ => ReferenceEquals(left, right),
        };
    }

    /// <exception cref="FormatException">The values have no order.</exception>
    public static int Compare(object? left, object? right)
    {
        if (IsNumber(left) && IsNumber(right))
            return ToDouble(left).CompareTo(ToDouble(right));
        if (left is string a && right is string b)
            return string.CompareOrdinal(a, b);
        if (left is List<object?> x && right is List<object?> y)
        {
            for (var i = 0; i < Math.Min(x.Count, y.Count); i++)
            {
                if (!AreEqual(x[i], y[i]))
                    return Compare(x[i], y[i]);
            }
            return x.Count.CompareTo(y.Count);
        }
        throw new FormatException($"{KindOf(left)} and {KindOf(right)} have no order");
    }

    public static bool IsNumber(object? value) => value is long or double or bool;

    public static double ToDouble(object? value) => value switch { long n => n, double n => n, bool b => b ? 1 : 0, _ => throw new FormatException($"{KindOf(value)} is no number") };

    public static long ToLong(object? value) => value switch { long n => n, bool b => b ? 1 : 0, _ => throw new FormatException($"{KindOf(value)} is no whole number") };

    /// <summary>The items that a loop over a value sees.</summary>
    public static List<object?> Items(object? value) => value switch
    {
        List<object?> list => list,
        TemplateMap map => [.. map.Keys],
        string text => [.. Characters(text)],
        Undefined => [],
        _ => throw new FormatException($"{KindOf(value)} cannot be looped over"),
    };

    /// <summary>The characters of a text, surrogate pairs as one.</summary>
    public static List<string> Characters(string text)
    {
        var characters = new List<string>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var pair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            characters.Add(text.Substring(i, pair ? 2 : 1));
            if (pair)
                i++;
        }
        return characters;
    }

    public static string KindOf(object? value) => value switch
    {
        null => "none",
        Undefined missing => $"'{missing.Name}', which is not defined,",
        bool => "a boolean",
        long or double => "a number",
        string => "a text",
        List<object?> => "a list",
        TemplateMap => "a table",
        TemplateNamespace => "a namespace",
        _ => "a function",
    };

    /// <summary>What <c>{{ }}</c> writes.</summary>
    public static string ToText(object? value) => value switch
    {
        string text => text,
        Undefined => "",
        _ => Represent(value, 0),
    };

    public static string NumberText(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        var size = Math.Abs(value);
        if (size != 0 && (size < 1e-4 || size >= 1e16))
        {
            if (!text.Contains('E', StringComparison.Ordinal))
                text = value.ToString("E16", CultureInfo.InvariantCulture);
            var mark = text.IndexOf('E', StringComparison.Ordinal);
            var mantissa = text[..mark].Contains('.', StringComparison.Ordinal) ? text[..mark].TrimEnd('0').TrimEnd('.') : text[..mark];
            var exponent = int.Parse(text[(mark + 1)..], CultureInfo.InvariantCulture);
            return string.Create(CultureInfo.InvariantCulture, $"{mantissa}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }
        if (text.Contains('E', StringComparison.Ordinal))
            text = value.ToString("F20", CultureInfo.InvariantCulture).TrimEnd('0');
        return text.Contains('.', StringComparison.Ordinal) ? text.EndsWith('.') ? text + "0" : text : text + ".0";
    }

    private static TemplateMap FromPairs(IEnumerable<(string Key, object? Value)> pairs, int depth)
    {
        var map = new TemplateMap();
        foreach (var (key, value) in pairs)
            map[key] = From(value, depth + 1);
        return map;
    }

    private static object? FromJson(System.Text.Json.JsonElement json, int depth) => json.ValueKind switch
    {
        System.Text.Json.JsonValueKind.Null or System.Text.Json.JsonValueKind.Undefined => null,
        System.Text.Json.JsonValueKind.True => true,
        System.Text.Json.JsonValueKind.False => false,
        System.Text.Json.JsonValueKind.Number => json.TryGetInt64(out var whole) ? whole : (object)json.GetDouble(),
        System.Text.Json.JsonValueKind.String => json.GetString(),
        System.Text.Json.JsonValueKind.Array => json.EnumerateArray().Select(item => From(item, depth + 1)).ToList(),
        _ => FromPairs(json.EnumerateObject().Select(property => (property.Name, (object?)property.Value)), depth),
    };

    private static string Represent(object? value, int depth)
    {
        if (depth > MaxNesting)
            throw new FormatException($"a value is nested deeper than {MaxNesting} levels");
        return value switch
        {
            null => "None",
            Undefined => "Undefined",
            bool flag => flag ? "True" : "False",
            long number => number.ToString(CultureInfo.InvariantCulture),
            double number => NumberText(number),
            string text => Quote(text),
            TemplateTuple tuple => "(" + string.Join(", ", tuple.Select(item => Represent(item, depth + 1))) + (tuple.Count == 1 ? ",)" : ")"),
            List<object?> list => "[" + string.Join(", ", list.Select(item => Represent(item, depth + 1))) + "]",
            TemplateMap map => "{" + string.Join(", ", map.Select(pair => $"{Quote(pair.Key)}: {Represent(pair.Value, depth + 1)}")) + "}",
            _ => throw new FormatException($"{KindOf(value)} cannot be written"),
        };
    }

    private static string Quote(string text)
    {
        var quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        var result = new StringBuilder().Append(quote);
        foreach (var c in text)
        {
            _ = c switch
            {
                '\n' => result.Append("\\n"),
                '\r' => result.Append("\\r"),
                '\t' => result.Append("\\t"),
                '\\' => result.Append("\\\\"),
                _ when c == quote => result.Append('\\').Append(c),
                < ' ' or '\u007f' => result.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}"),
                _ => result.Append(c),
            };
        }
        return result.Append(quote).ToString();
    }
}
