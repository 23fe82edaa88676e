using ApiList;

namespace Repository.Tests;

/// <summary>Compares the public surface of an assembly with the listing of a larger one.</summary>
internal sealed class ApiListing(IEnumerable<string> lines)
{
    private readonly HashSet<string> _lines = [.. lines];

    private readonly Dictionary<string, TypeLine> _types = lines
        .Where(TypeLine.Is).Select(TypeLine.Parse).ToDictionary(t => t.Name);

    /// <summary>The listing of the assembly at <paramref name="path"/>.</summary>
    public static IReadOnlyList<string> Of(string path)
    {
        using var universe = new Universe([Path.GetDirectoryName(path)!, Path.GetDirectoryName(typeof(object).Assembly.Location)!]);
        return new Lister(universe, universe.Open(path)).List();
    }

    /// <summary>What <paramref name="subset"/> shows that this listing does not have; one sentence each.</summary>
    public IEnumerable<string> Surplus(IEnumerable<string> subset)
    {
        foreach (string line in subset)
        {
            if (line.StartsWith("assembly ", StringComparison.Ordinal))
                continue;
            if (!TypeLine.Is(line))
            {
                if (!_lines.Contains(line))
                    yield return $"{line} — {Nearest(line)}";
                continue;
            }
            var ours = TypeLine.Parse(line);
            if (!_types.TryGetValue(ours.Name, out var real))
                yield return $"{line} — no such type";
            else if (ours.Flags != real.Flags || ours.Constraints != real.Constraints)
                yield return $"{line} — the real one is: {real.Text}";
            else if (ours.BaseClass != real.BaseClass || ours.Interfaces.Except(real.Interfaces).Any())
                yield return $"{line} — base class or interfaces of the real one: {real.Text}";
        }
    }

    private string Nearest(string line)
    {
        string name = line[..EndOfName(line)];
        var same = _lines.Where(l => !TypeLine.Is(l) && l[..EndOfName(l)] == name).ToList();
        return same.Count == 0 ? "no such member" : "the real ones: " + string.Join(" | ", same.Take(4));
    }

    private static int EndOfName(string line)
    {
        int end = line.IndexOfAny(['(', '[', '{', ' ', '<']);
        return end < 0 ? line.Length : end;
    }
}

/// <summary>One "type" line of a listing, in its parts.</summary>
internal sealed record TypeLine(string Text, string Name, string Flags, string BaseClass, IReadOnlyList<string> Interfaces, string Constraints)
{
    public static bool Is(string line) => line.StartsWith("type ", StringComparison.Ordinal);

    public static TypeLine Parse(string line)
    {
        int open = line.IndexOf(" [", StringComparison.Ordinal), close = line.IndexOf(']', open);
        string rest = line[(close + 1)..];
        int where = rest.IndexOf(" where ", StringComparison.Ordinal);
        string constraints = where < 0 ? "" : rest[where..];
        var bases = Split((where < 0 ? rest : rest[..where]).TrimStart(' ', ':'));
        // The base class comes first where there is one; interfaces are called I-something throughout.
        bool hasClass = bases.Count > 0 && !IsInterfaceName(bases[0]);
        return new TypeLine(line, line[5..open], line[(open + 2)..close], hasClass ? bases[0] : "", hasClass ? bases[1..] : bases, constraints);
    }

    private static bool IsInterfaceName(string type)
    {
        int generic = type.IndexOf('<');
        string name = generic < 0 ? type : type[..generic];
        name = name[(name.LastIndexOf('.') + 1)..];
        return name.Length > 1 && name[0] == 'I' && char.IsUpper(name[1]);
    }

    private static List<string> Split(string list)
    {
        var parts = new List<string>();
        int depth = 0, start = 0;
        for (int i = 0; i < list.Length; i++)
        {
            depth += list[i] is '<' or '(' or '[' ? 1 : list[i] is '>' or ')' or ']' ? -1 : 0;
            if (depth == 0 && list[i] == ',')
            {
                parts.Add(list[start..i]);
                start = i + 2;
            }
        }
        if (start < list.Length)
            parts.Add(list[start..]);
        return parts;
    }
}
