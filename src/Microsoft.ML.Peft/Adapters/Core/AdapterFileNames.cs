using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Names of tensors in files that were written without <c>save_pretrained</c> of HF PEFT: with the adapter's name in them, without the prefix,
/// or with the base model's copy of what is trained. They are read; what is written has HF PEFT's names alone.</summary>
internal static class AdapterFileNames
{
    private const string Prefix = "base_model.model.";

    /// <summary>The names of a file by those that HF PEFT writes for them.</summary>
    /// <param name="adapter">The adapter that is read; it notes what was renamed.</param>
    /// <param name="file">What to call the file in messages.</param>
    /// <param name="names">The names in the file.</param>
    /// <exception cref="ModelFormatException">Two names mean the same tensor.</exception>
    public static Dictionary<string, string> Read(AdapterSet adapter, string file, IEnumerable<string> names)
    {
        var all = names.ToList();
        var lacksPrefix = all.Count > 0 && !all.Exists(name => name.StartsWith("base_model.", StringComparison.Ordinal))
            && adapter.Parameters().All(p => p.FileName.StartsWith(Prefix, StringComparison.Ordinal));
        var read = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in all.Where(name => !name.Contains(".original_module.", StringComparison.Ordinal))) // what the copy stands in for
        {
            var canonical = Canonical(lacksPrefix ? Prefix + name : name);
            if (!read.TryAdd(canonical, name))
            {
                throw new ModelFormatException(file, ModelFormatError.DuplicateKey, $"'{read[canonical]}' and '{name}' are two names of the same tensor; keep one of them.");
            }
        }

        var renamed = read.Where(pair => pair.Key != pair.Value).ToList();
        if (renamed.Count > 0)
        {
            adapter.Note($"{file} has {renamed.Count} names of another form than HF PEFT writes: '{renamed[0].Value}' was read as '{renamed[0].Key}'. Saving the adapter writes that form.");
        }

        return read;
    }

    /// <summary>The name nearest to one, with what to say before it, or nothing where none is near.</summary>
    public static string Hint(string name, IEnumerable<string> others, string before)
    {
        var nearest = others.Select(other => (Name: other, Distance: Distance(name, other))).DefaultIfEmpty((Name: "", Distance: int.MaxValue)).MinBy(pair => pair.Distance);
        return nearest.Distance <= name.Length / 3 ? $" {before} '{nearest.Name}'." : "";
    }

    private static string Canonical(string name)
    {
        var elements = name.Split('.').ToList();
        var copy = elements.IndexOf("modules_to_save");
        if (copy >= 0 && copy + 1 < elements.Count)
        {
            elements.RemoveRange(copy, 2); // with the name of the adapter behind it
        }

        // HF PEFT takes the adapter's name out: the last element, or else the one before it, or before the number of an inner layer. Another name than the usual one could be
        // that of a layer.
        foreach (var place in (int[])[elements.Count - 1, elements.Count - 2, elements.Count - 3])
        {
            if (place > 0 && elements[place] == "default" && (place > elements.Count - 3 || elements[^2].All(char.IsAsciiDigit)))
            {
                elements.RemoveAt(place);
                break;
            }
        }

        if (elements is [.., "lora_magnitude_vector", "weight"])
        {
            elements.RemoveAt(elements.Count - 1);
        }

        return string.Join('.', elements);
    }

    // How many letters must be changed, added or taken away.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j - 1], above) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[^1];
    }
}
