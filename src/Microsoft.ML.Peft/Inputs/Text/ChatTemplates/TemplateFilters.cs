using System.Globalization;

namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>What may follow <c>|</c>.</summary>
internal static class TemplateFilters
{
    public static object? Apply(string name, object? value, TemplateArguments arguments, TemplateBudget budget)
    {
        switch (name)
        {
            case "trim":
                return TemplateMethods.Strip(ToText(value), arguments.Has(0, "chars") ? arguments.Text(0, "chars") : null, left: true, right: true);
            case "length" or "count":
                return (long)(value is string text ? TemplateValue.Characters(text).Count : TemplateValue.Items(value).Count);
            case "tojson":
                return TemplateJson.Write(value, arguments.Get(0, "indent", null) is { } indent ? (int)Math.Clamp(TemplateValue.ToLong(indent), 0, 64) : null);
            case "default" or "d":
                return value is Undefined || (!TemplateValue.IsTrue(value) && TemplateValue.IsTrue(arguments.Get(1, "boolean", false))) ? arguments.Get(0, "default_value", "") : value;
            case "upper":
                return ToText(value).ToUpperInvariant();
            case "lower":
                return ToText(value).ToLowerInvariant();
            case "capitalize":
                return TemplateMethods.Capitalize(ToText(value));
            case "title":
                return TemplateMethods.Title(ToText(value));
            case "string":
                return ToText(value);
            case "safe":
                return value;
            case "escape" or "e":
                return ToText(value).Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal)
                    .Replace("'", "&#39;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal);
            case "replace":
                return TemplateMethods.Replace(ToText(value), arguments.Text(0, "old"), arguments.Text(1, "new"), arguments.Number(2, "count", -1));
            case "indent":
                return Indent(ToText(value), arguments);
            case "int":
                return ToWhole(value, arguments.Get(0, "default", 0L));
            case "float":
                return ToNumber(value, arguments.Get(0, "default", 0.0));
            case "abs":
                return value is double number ? Math.Abs(number) : (object)Math.Abs(TemplateValue.ToLong(value));
            case "round":
                return Math.Round(TemplateValue.ToDouble(value), (int)Math.Clamp(arguments.Number(0, "precision", 0), 0, 15), MidpointRounding.ToEven);
            case "items":
                return value is Undefined ? new List<object?>() : value is TemplateMap map ? TemplateMethods.Pairs(map) : throw new FormatException($"'items' needs a table, not {TemplateValue.KindOf(value)}");
            case "dictsort":
                return value is TemplateMap table
                    ? TemplateMethods.Pairs(table).OrderBy(pair => ((TemplateTuple)pair!)[0] as string, StringComparer.OrdinalIgnoreCase).ToList()
                    : throw new FormatException($"'dictsort' needs a table, not {TemplateValue.KindOf(value)}");
            default:
                return ApplyToList(name, value, arguments, budget);
        }
    }

    private static object? ApplyToList(string name, object? value, TemplateArguments arguments, TemplateBudget budget)
    {
        switch (name)
        {
            case "list":
                return TemplateValue.Items(value).ToList();
            case "first":
                return TemplateValue.Items(value) is [var first, ..] ? first : new Undefined("the first item of nothing");
            case "last":
                return TemplateValue.Items(value) is [.., var last] ? last : new Undefined("the last item of nothing");
            case "join":
                var items = TemplateValue.Items(value);
                var parts = arguments.Has(1, "attribute") ? items.Select(item => Field(item, arguments.Get(1, "attribute"))) : items;
                return TemplateBudget.Checked(string.Join(TemplateValue.ToText(arguments.Get(0, "d", "")), parts.Select(TemplateValue.ToText)));
            case "reverse":
                return value is string text ? string.Concat(Enumerable.Reverse(TemplateValue.Characters(text))) : Enumerable.Reverse(TemplateValue.Items(value)).ToList();
            case "sort":
                var comparer = Comparer<object?>.Create((a, b) => TemplateValue.Compare(Caseless(a, arguments), Caseless(b, arguments)));
                var key = arguments.Get(2, "attribute", null);
                var sorted = TemplateValue.Items(value).OrderBy(item => key == null ? item : Field(item, key), comparer).ToList();
                if (TemplateValue.IsTrue(arguments.Get(0, "reverse", false)))
                    sorted = [.. TemplateValue.Items(value).OrderByDescending(item => key == null ? item : Field(item, key), comparer)];
                return sorted;
            case "unique":
                var unique = new List<object?>();
                foreach (var item in TemplateValue.Items(value))
                {
                    budget.Step();
                    if (!unique.Exists(other => TemplateValue.AreEqual(Caseless(item, arguments), Caseless(other, arguments))))
                        unique.Add(item);
                }
                return unique;
            case "min" or "max":
                var all = TemplateValue.Items(value);
                if (all.Count == 0)
                    return new Undefined($"the {name} of nothing");
                return all.Aggregate((a, b) => (TemplateValue.Compare(b, a) > 0) == (name == "max") && TemplateValue.Compare(b, a) != 0 ? b : a);
            case "sum":
                var numbers = TemplateValue.Items(value).Select(item => arguments.Has(0, "attribute") ? Field(item, arguments.Get(0, "attribute")) : item).ToList();
                return numbers.Exists(n => n is double) ? numbers.Sum(TemplateValue.ToDouble) : (object)numbers.Sum(TemplateValue.ToLong);
            case "map":
                return Map(TemplateValue.Items(value), arguments, budget);
            case "select" or "reject":
                return Select(value, item => item, arguments, name == "select");
            case "selectattr" or "rejectattr":
                var field = arguments.Get(0, "attribute");
                return Select(value, item => Field(item, field), arguments.From(1, name), name == "selectattr");
            default:
                throw new FormatException($"the filter '{name}' is not supported");
        }
    }

    private static List<object?> Map(List<object?> items, TemplateArguments arguments, TemplateBudget budget)
    {
        if (arguments.Named.TryGetValue("attribute", out var field))
        {
            return [.. items.Select(item =>
            {
                var value = Field(item, field);
                return value is Undefined && arguments.Named.TryGetValue("default", out var fallback) ? fallback : value;
            })];
        }
        var name = arguments.Text(0, "filter");
        var rest = arguments.From(1, name);
        return [.. items.Select(item =>
        {
            budget.Step();
            return Apply(name, item, rest, budget);
        })];
    }

    private static List<object?> Select(object? value, Func<object?, object?> part, TemplateArguments arguments, bool wanted)
    {
        var test = arguments.Positional.Count > 0 ? arguments.Text(0, "test") : null;
        var rest = arguments.Positional.Skip(1).ToList();
        return [.. TemplateValue.Items(value).Where(item => (test == null ? TemplateValue.IsTrue(part(item)) : TemplateTests.Run(test, part(item), rest)) == wanted)];
    }

    /// <summary>A field by its name, with dots for fields of fields.</summary>
    private static object? Field(object? item, object? name)
    {
        if (name is not string path)
            return ExpressionRunner.GetMember(item, name, byName: false);
        foreach (var part in path.Split('.'))
        {
            object? key = long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : part;
            item = ExpressionRunner.GetMember(item, key, byName: false);
        }
        return item;
    }

    private static object? Caseless(object? value, TemplateArguments arguments) =>
        value is string text && !TemplateValue.IsTrue(arguments.Get(1, "case_sensitive", false)) ? text.ToLowerInvariant() : value;

    private static string Indent(string text, TemplateArguments arguments)
    {
        var width = arguments.Get(0, "width", 4L);
        var blanks = width as string ?? new string(' ', (int)Math.Clamp(TemplateValue.ToLong(width), 0, 1000));
        var (first, blank) = (TemplateValue.IsTrue(arguments.Get(1, "first", false)), TemplateValue.IsTrue(arguments.Get(2, "blank", false)));
        var lines = text.Split('\n');
        TemplateBudget.CheckLength(text.Length + ((long)lines.Length * blanks.Length));
        return string.Join('\n', lines.Select((line, i) => (i == 0 ? first : blank || line.Length > 0) ? blanks + line : line));
    }

    private static object? ToWhole(object? value, object? fallback) => value switch
    {
        long or bool => TemplateValue.ToLong(value),
        double number when Math.Abs(number) < 9e18 => (long)number,
        string text when long.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
        string text when double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && Math.Abs(number) < 9e18 => (long)number,
        _ => fallback,
    };

    private static object? ToNumber(object? value, object? fallback) => value switch
    {
        long or bool or double => TemplateValue.ToDouble(value),
        string text when double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => fallback,
    };

    private static string ToText(object? value) => TemplateValue.ToText(value);
}
