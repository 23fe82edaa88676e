using System.Globalization;
using System.Text;

namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>JSON as Python writes it, which models were trained on: a blank after colon and comma, letters as they are.</summary>
internal static class TemplateJson
{
    private const int MaxNesting = 100;

    /// <param name="value">The value.</param>
    /// <param name="indent">Blanks a level, or null for one line.</param>
    public static string Write(object? value, int? indent)
    {
        var result = new StringBuilder();
        Write(value, indent, 0, result);
        return result.ToString();
    }

    private static void Write(object? value, int? indent, int depth, StringBuilder result)
    {
        if (depth > MaxNesting)
            throw new FormatException($"a value is nested deeper than {MaxNesting} levels");
        switch (value)
        {
            case null:
                result.Append("null");
                break;
            case bool flag:
                result.Append(flag ? "true" : "false");
                break;
            case long number:
                result.Append(number);
                break;
            case double number:
                result.Append(double.IsNaN(number) ? "NaN" : double.IsInfinity(number) ? number > 0 ? "Infinity" : "-Infinity" : TemplateValue.NumberText(number));
                break;
            case string text:
                WriteText(text, result);
                break;
            case List<object?> list:
                WriteItems('[', ']', list, item => Write(item, indent, depth + 1, result), indent, depth, result);
                break;
            case TemplateMap map:
                WriteItems('{', '}', map, pair =>
                {
                    WriteText(pair.Key, result);
                    result.Append(": ");
                    Write(pair.Value, indent, depth + 1, result);
                }, indent, depth, result);
                break;
            default:
                throw new FormatException($"{TemplateValue.KindOf(value)} cannot be written as JSON");
        }
    }

    private static void WriteItems<T>(char open, char close, IReadOnlyCollection<T> items, Action<T> write, int? indent, int depth, StringBuilder result)
    {
        result.Append(open);
        var first = true;
        foreach (var item in items)
        {
            if (!first)
                result.Append(indent == null ? ", " : ",");
            first = false;
            NewLine(indent, depth + 1, result);
            write(item);
        }
        if (!first)
            NewLine(indent, depth, result);
        result.Append(close);
    }

    private static void NewLine(int? indent, int depth, StringBuilder result)
    {
        if (indent is { } blanks)
            result.Append('\n').Append(' ', blanks * depth);
    }

    private static void WriteText(string text, StringBuilder result)
    {
        result.Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => result.Append("\\\""),
                '\\' => result.Append("\\\\"),
                '\n' => result.Append("\\n"),
                '\r' => result.Append("\\r"),
                '\t' => result.Append("\\t"),
                '\b' => result.Append("\\b"),
                '\f' => result.Append("\\f"),
                < ' ' => result.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => result.Append(c),
            };
        }
        result.Append('"');
    }
}
