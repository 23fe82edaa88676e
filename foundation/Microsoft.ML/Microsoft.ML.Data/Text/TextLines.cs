using System.Text;

namespace Microsoft.ML.Data;

/// <summary>The lines of the files that are rows: without headers, empty lines and comments.</summary>
internal static class TextLines
{
    public readonly record struct Line(string Text, long Number);

    public static IEnumerable<Line> Read(IMultiStreamSource files, TextFormat format)
    {
        long left = format.MaxRows;
        for (int i = 0; i < files.Count && left > 0; i++)
        {
            bool skipHeader = format.HasHeader;
            foreach (var line in ReadFile(files, i, format))
            {
                if (skipHeader)
                {
                    skipHeader = false;
                    continue;
                }
                yield return line;
                if (--left == 0)
                    break;
            }
        }
    }

    /// <summary>The first lines, header included.</summary>
    public static List<string> First(IMultiStreamSource files, TextFormat format, int count)
    {
        var lines = new List<string>();
        for (int i = 0; i < files.Count && lines.Count < count; i++)
            lines.AddRange(ReadFile(files, i, format).Take(count - lines.Count).Select(l => l.Text));
        return lines;
    }

    private static IEnumerable<Line> ReadFile(IMultiStreamSource files, int file, TextFormat format)
    {
        using var reader = files.OpenTextReader(file);
        bool started = false;
        long number = 0;
        var quotes = format.ReadMultilines ? new QuotedLines(format) : null;
        while (reader.ReadLine() is { } text)
        {
            number++;
            // Comments; those with # count at the top of a file only.
            if (text.Length == 0 || text.StartsWith("//", StringComparison.Ordinal) || (!started && text[0] == '#'))
                continue;
            started = true;
            if (quotes is not null)
                text = quotes.Complete(text, reader, number - 1);
            yield return new Line(text, number);
        }
    }

    /// <summary>Joins the lines of fields whose quotes are still open at a line's end.</summary>
    private sealed class QuotedLines(TextFormat format)
    {
        public string Complete(string line, TextReader reader, long number)
        {
            if (!EndsInside(line, false))
                return line;
            var all = new StringBuilder(line);
            bool inside = true;
            while (inside)
            {
                string next = reader.ReadLine() ?? throw new EndOfStreamException(
                    $"A quoted field opened on line {number} was never closed, and we've read to the last line in the file without finding the closing quote");
                all.Append('\n').Append(next);
                inside = EndsInside(next, true);
            }
            return all.ToString();
        }

        private bool EndsInside(string line, bool inside)
        {
            int at = 0;
            for (; ; )
            {
                if (!inside)
                {
                    while (at < line.Length && line[at] == ' ' && !format.SpaceSeparates)
                        at++;
                    if (at >= line.Length)
                        return false;
                    if (line[at] != '"')
                    {
                        while (at < line.Length && !format.Separators.Contains(line[at]))
                            at++;
                        at++;
                        continue;
                    }
                    at++;
                }
                inside = false;
                if (!SkipToClosingQuote(line, ref at))
                    return true;
                while (at < line.Length && line[at] == ' ' && !format.SpaceSeparates)
                    at++;
                // Anything but a separator behind the closing quote: the line is malformed and ends here.
                if (at >= line.Length || !format.Separators.Contains(line[at]))
                    return false;
                at++;
            }
        }

        private bool SkipToClosingQuote(string line, ref int at)
        {
            for (; at < line.Length; at++)
            {
                if (format.EscapeChar != '"' && line[at] == format.EscapeChar)
                {
                    at++;
                }
                else if (line[at] == '"')
                {
                    if (format.EscapeChar == '"' && at + 1 < line.Length && line[at + 1] == '"')
                    {
                        at++;
                        continue;
                    }
                    at++;
                    return true;
                }
            }
            return false;
        }
    }
}
