namespace Peft.Golden.Inputs;

/// <summary>Runs every case of a golden folder of front ends: tokenizers, images, audio.</summary>
internal static class InputComparison
{
    /// <summary>True for a folder such as golden/inputs.</summary>
    public static bool IsInputs(string root) => Directory.Exists(Path.Combine(root, "tokenizers"))
        || File.Exists(Path.Combine(root, "images", "expected.safetensors")) || File.Exists(Path.Combine(root, "audio", "expected.safetensors"));

    /// <summary>Every case; errors become verdicts.</summary>
    public static IEnumerable<InputResult> Run(string root)
    {
        var tokenizers = Path.Combine(root, "tokenizers");
        string[] folders = Directory.Exists(tokenizers) ? Directory.GetDirectories(tokenizers) : [];
        foreach (var folder in folders.Order(StringComparer.Ordinal))
        {
            foreach (var result in TokenizerComparison.Run(folder))
                yield return result;
        }
        foreach (var result in ImageComparison.Run(Path.Combine(root, "images")))
            yield return result;
        foreach (var result in AudioComparison.Run(Path.Combine(root, "audio")))
            yield return result;
    }

    /// <summary>Prints what is not equal, a line for each group and the line of counts.</summary>
    /// <returns>0 if every case is equal, else 1; 2 if no case has a name that contains <paramref name="filter"/>.</returns>
    public static int Print(string root, string filter)
    {
        var results = Run(root).Where(r => $"{r.Group}/{r.Case}".Contains(filter, StringComparison.OrdinalIgnoreCase)).ToList();
        if (results.Count == 0)
        {
            Console.Error.WriteLine($"No case of '{root}' has a name that contains '{filter}'.");
            return 2;
        }
        foreach (var group in results.GroupBy(r => r.Group))
        {
            foreach (var result in group.Where(r => r.Verdict != GoldenVerdict.Equal))
                Console.WriteLine(result);
            Console.WriteLine($"{group.Count(r => r.Verdict == GoldenVerdict.Equal)} of {group.Count()} equal  {group.Key}");
        }
        var (equal, different, skipped) = (Count(GoldenVerdict.Equal), Count(GoldenVerdict.Different), Count(GoldenVerdict.Skipped));
        Console.WriteLine($"golden: {results.Count} cases, {equal} equal, {different} different, {skipped} skipped");
        return different + skipped == 0 ? 0 : 1;

        int Count(GoldenVerdict verdict) => results.Count(r => r.Verdict == verdict);
    }

    /// <summary>Runs one case: the comparison says what differs, or "" if nothing does.</summary>
    public static InputResult Try(string group, string name, Func<string> compare)
    {
        try
        {
            var difference = compare();
            return new(group, name, difference.Length == 0 ? GoldenVerdict.Equal : GoldenVerdict.Different, difference);
        }
        catch (NotSupportedException error) // a library of the system or a feature is missing
        {
            return new(group, name, GoldenVerdict.Skipped, error.Message);
        }
        catch (Exception error)
        {
            return new(group, name, GoldenVerdict.Different, $"{error.GetType().Name}: {error.Message}");
        }
    }
}
