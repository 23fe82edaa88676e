using System.Globalization;

// Makes normalization.bin and scripts.bin of src/Microsoft.ML.Peft/Inputs/Text/Unicode from the Unicode character database.
// usage: dotnet run --project eng/UnicodeTables -- <folder of the database> <output folder>
// Debian: package unicode-data, folder /usr/share/unicode.
if (args.Length != 2)
{
    Console.Error.WriteLine("usage: UnicodeTables <folder with UnicodeData.txt, CompositionExclusions.txt and Scripts.txt> <output folder>");
    return 1;
}

var step = new SortedDictionary<int, (bool Compat, int[] To)>();
var classes = new SortedDictionary<int, byte>();
foreach (var line in File.ReadLines(Path.Combine(args[0], "UnicodeData.txt")))
{
    var fields = line.Split(';');
    var code = Hex(fields[0]);
    if (fields[3] != "0")
        classes[code] = byte.Parse(fields[3], CultureInfo.InvariantCulture);
    if (fields[5].Length == 0)
        continue;
    var compat = fields[5][0] == '<';
    var mapping = compat ? fields[5][(fields[5].IndexOf('>') + 2)..] : fields[5];
    step[code] = (compat, mapping.Split(' ').Select(Hex).ToArray());
}
var excluded = File.ReadLines(Path.Combine(args[0], "CompositionExclusions.txt"))
    .Select(line => line.Split('#')[0].Trim())
    .Where(line => line.Length > 0)
    .Select(Hex)
    .ToHashSet();

using (var output = new BinaryWriter(File.Create(Path.Combine(args[1], "normalization.bin"))))
{
    WriteClasses(output);
    WriteDecompositions(output);
    WriteCompositions(output);
}
using (var output = new BinaryWriter(File.Create(Path.Combine(args[1], "scripts.bin"))))
    WriteScripts(output);
return 0;

static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

void WriteClasses(BinaryWriter output)
{
    var ranges = new List<(int Start, int Length, byte Class)>();
    foreach (var (code, value) in classes)
    {
        if (ranges.Count > 0 && ranges[^1] is var last && last.Start + last.Length == code && last.Class == value)
            ranges[^1] = last with { Length = last.Length + 1 };
        else
            ranges.Add((code, 1, value));
    }
    output.Write7BitEncodedInt(ranges.Count);
    var previous = 0;
    foreach (var (start, length, value) in ranges)
    {
        output.Write7BitEncodedInt(start - previous);
        output.Write7BitEncodedInt(length);
        output.Write(value);
        previous = start;
    }
}

void WriteDecompositions(BinaryWriter output)
{
    output.Write7BitEncodedInt(step.Count);
    var previous = 0;
    foreach (var code in step.Keys)
    {
        var canonical = Expand(code, compat: false);
        var full = Expand(code, compat: true);
        output.Write7BitEncodedInt(code - previous);
        previous = code;
        // 0 numbers: the canonical form is the character itself, or the full form is the canonical one.
        WriteNumbers(output, canonical is [var only] && only == code ? [] : canonical);
        WriteNumbers(output, full.SequenceEqual(canonical) ? [] : full);
    }
}

List<int> Expand(int code, bool compat)
{
    if (!step.TryGetValue(code, out var mapping) || (mapping.Compat && !compat))
        return [code];
    var parts = mapping.To.SelectMany(part => Expand(part, compat)).ToList();
    // Canonical order: runs of combining marks sorted by class, equals in place.
    for (var i = 1; i < parts.Count; i++)
    {
        for (var j = i; j > 0 && Class(parts[j]) != 0 && Class(parts[j - 1]) > Class(parts[j]); j--)
            (parts[j], parts[j - 1]) = (parts[j - 1], parts[j]);
    }
    return parts;
}

byte Class(int code) => classes.GetValueOrDefault(code);

void WriteNumbers(BinaryWriter output, IReadOnlyCollection<int> numbers)
{
    output.Write((byte)numbers.Count);
    foreach (var number in numbers)
        output.Write7BitEncodedInt(number);
}

void WriteCompositions(BinaryWriter output)
{
    var pairs = step
        .Where(e => !e.Value.Compat && e.Value.To.Length == 2 && !excluded.Contains(e.Key) && Class(e.Key) == 0 && Class(e.Value.To[0]) == 0)
        .ToList();
    output.Write7BitEncodedInt(pairs.Count);
    foreach (var (code, mapping) in pairs)
    {
        output.Write7BitEncodedInt(mapping.To[0]);
        output.Write7BitEncodedInt(mapping.To[1]);
        output.Write7BitEncodedInt(code);
    }
}

void WriteScripts(BinaryWriter output)
{
    var ranges = File.ReadLines(Path.Combine(args[0], "Scripts.txt"))
        .Select(line => line.Split('#')[0].Split(';'))
        .Where(fields => fields.Length == 2)
        .Select(fields => (Range: fields[0].Trim().Split(".."), Script: fields[1].Trim()))
        .Select(row => (First: Hex(row.Range[0]), Last: Hex(row.Range[^1]), row.Script))
        .OrderBy(row => row.First)
        .ToList();
    var names = ranges.Select(row => row.Script).Distinct().Order(StringComparer.Ordinal).ToList();
    output.Write7BitEncodedInt(names.Count);
    foreach (var name in names)
        output.Write(name);
    var merged = new List<(int First, int Last, string Script)>();
    foreach (var row in ranges)
    {
        if (merged.Count > 0 && merged[^1] is var last && last.Last + 1 == row.First && last.Script == row.Script)
            merged[^1] = last with { Last = row.Last };
        else
            merged.Add(row);
    }
    output.Write7BitEncodedInt(merged.Count);
    var previous = 0;
    foreach (var (first, last, script) in merged)
    {
        output.Write7BitEncodedInt(first - previous);
        output.Write7BitEncodedInt(last - first);
        output.Write7BitEncodedInt(names.IndexOf(script));
        previous = first;
    }
}
