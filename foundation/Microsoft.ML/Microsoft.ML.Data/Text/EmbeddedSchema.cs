using System.Globalization;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>The description of columns and format that a text file may carry in its first lines.</summary>
internal static class EmbeddedSchema
{
    private const string Prefix = "#@";

    public static readonly (string Name, DataKind Kind)[] Kinds =
    [
        ("I1", DataKind.SByte), ("U1", DataKind.Byte), ("I2", DataKind.Int16), ("U2", DataKind.UInt16), ("I4", DataKind.Int32),
        ("U4", DataKind.UInt32), ("I8", DataKind.Int64), ("U8", DataKind.UInt64), ("R4", DataKind.Single), ("R8", DataKind.Double),
        ("TX", DataKind.String), ("BL", DataKind.Boolean), ("TS", DataKind.TimeSpan), ("DT", DataKind.DateTime), ("DZ", DataKind.DateTimeOffset),
    ];

    /// <summary>The columns the file describes, with the options it says; null where it says nothing or options were given.</summary>
    public static TextLoader.Column[] TryRead(IMultiStreamSource files, ref TextLoader.Options options)
    {
        if (files.Count == 0 || !IsDefault(options))
            return null;
        var words = new List<string>();
        using (var reader = files.OpenTextReader(0))
        {
            while (reader.ReadLine() is { } line && line.StartsWith(Prefix, StringComparison.Ordinal))
                words.AddRange(line[Prefix.Length..].Split((char[])null, StringSplitOptions.RemoveEmptyEntries));
        }
        if (words.Count == 0)
            return null;
        var error = Contracts.Except("TextLoader options embedded in the file are invalid");
        if (words[0] is not ("TextLoader{" or "Text{") || words[^1] != "}")
            throw error;
        var read = new TextLoader.Options { UseThreads = options.UseThreads, HeaderFile = options.HeaderFile, MaxRows = options.MaxRows };
        var columns = new List<TextLoader.Column>();
        foreach (string word in words[1..^1])
        {
            if (!Apply(word, read, columns))
                throw error;
        }
        if (columns.Count == 0)
            throw error;
        read.Columns = columns.ToArray();
        options = read;
        return read.Columns;
    }

    private static bool IsDefault(TextLoader.Options o) => !o.AllowQuoting && !o.AllowSparse && o.InputSize is null && o.Separators is ['\t']
        && o.DecimalMarker == '.' && !o.TrimWhitespace && !o.HasHeader && !o.ReadMultilines && o.EscapeChar == '"' && !o.MissingRealsAsNaNs;

    private static bool Apply(string word, TextLoader.Options options, List<TextLoader.Column> columns)
    {
        int equals = word.IndexOf('=');
        if (equals < 0)
        {
            bool value = word.EndsWith('+');
            switch (word.TrimEnd('+', '-'))
            {
                case "header":
                    options.HasHeader = value;
                    return true;
                case "quote":
                    options.AllowQuoting = value;
                    return true;
                case "sparse":
                    options.AllowSparse = value;
                    return true;
                case "trim":
                    options.TrimWhitespace = value;
                    return true;
                default:
                    return false;
            }
        }
        string text = word[(equals + 1)..];
        switch (word[..equals])
        {
            case "sep":
                options.Separators = text.Split(',').Select(SeparatorOf).ToArray();
                return !options.Separators.Contains('\0');
            case "size":
                bool good = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int size);
                options.InputSize = size;
                return good;
            case "col":
                columns.Add(ColumnOf(text));
                return columns[^1] is not null;
            default:
                return false;
        }
    }

    private static char SeparatorOf(string name) => name switch
    {
        "tab" => '\t',
        "space" => ' ',
        "comma" => ',',
        "colon" => ':',
        "semicolon" => ';',
        "bar" => '|',
        { Length: 1 } => name[0],
        _ => '\0',
    };

    public static string NameOfSeparator(char separator) => separator switch
    {
        '\t' => "tab",
        ' ' => "space",
        ',' => "comma",
        ':' => "colon",
        ';' => "semicolon",
        '|' => "bar",
        _ => separator.ToString(),
    };

    /// <summary>Name:Kind[keys]:fields, the kind left out for numbers.</summary>
    private static TextLoader.Column ColumnOf(string text)
    {
        var parts = text.Split(':');
        if (parts.Length is < 2 or > 3)
            return null;
        var column = new TextLoader.Column { Name = parts[0] };
        if (parts.Length == 3)
        {
            string kind = parts[1];
            int bracket = kind.IndexOf('[');
            if (bracket >= 0)
            {
                string count = kind[(bracket + 1)..].TrimEnd(']');
                column.KeyCount = ulong.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out ulong n) && n > 0 ? new KeyCount(n) : new KeyCount();
                kind = kind[..bracket];
            }
            var known = Kinds.FirstOrDefault(k => k.Name.Equals(kind, StringComparison.OrdinalIgnoreCase) || (kind == "TXT" && k.Name == "TX"));
            if (known.Name is null)
                return null;
            column.DataKind = known.Kind;
        }
        column.Source = parts[^1].Split(',').Select(RangeOf).ToArray();
        return column.Source.Contains(null) ? null : column;
    }

    private static TextLoader.Range RangeOf(string text)
    {
        var ends = text.Split('-');
        if (!int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out int min))
            return text == "~" ? new TextLoader.Range { AllOther = true, AutoEnd = true } : null;
        if (ends.Length == 1)
            return new TextLoader.Range(min);
        if (ends[1] == "*")
            return new TextLoader.Range(min, null);
        if (ends[1] == "**")
            return new TextLoader.Range { Min = min, VariableEnd = true };
        return int.TryParse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out int max) && max >= min
            ? new TextLoader.Range(min, max) { ForceVector = true } : null;
    }
}
