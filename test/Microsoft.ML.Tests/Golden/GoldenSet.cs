using System.IO.Compression;
using System.Xml.Linq;

namespace FoundationTests.Golden;

/// <summary>The recorded cases: those that are shipped, or the folder that PEFT_GOLDEN_MLNET names.</summary>
internal static class GoldenSet
{
    private static readonly Lazy<string> Unpacked = new(Unpack);

    /// <summary>The folder of the groups of cases.</summary>
    public static string Root => Unpacked.Value;

    public static bool IsReplaced => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("PEFT_GOLDEN_MLNET"));

    private static string Unpack()
    {
        if (Environment.GetEnvironmentVariable("PEFT_GOLDEN_MLNET") is { Length: > 0 } given)
        {
            string nested = Path.Combine(given, "cases");
            return Path.GetFullPath(Directory.Exists(nested) ? nested : given);
        }
        string folder = Directory.CreateTempSubdirectory("golden-mlnet-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "data", "golden-mlnet", "cases.zip"), folder);
        return Path.Combine(folder, "cases");
    }

    /// <summary>The cases as group/name, in order.</summary>
    public static IEnumerable<string> Cases => Directory.EnumerateFiles(Root, "case.json", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(Root, Path.GetDirectoryName(f)!).Replace('\\', '/')).Order(StringComparer.Ordinal);

    /// <summary>The cases that are left out of the build, with what they would need.</summary>
    public static IReadOnlyDictionary<string, string> NotCompiled { get; } =
        XDocument.Load(Path.Combine(AppContext.BaseDirectory, "data", "golden-mlnet", "NotCompiled.props")).Descendants("NotCompiled")
            .SelectMany(e => e.Attribute("Include")!.Value.Split(';').Select(f => (Case: f[..^3], Why: e.Attribute("Why")!.Value)))
            .ToDictionary(p => p.Case, p => p.Why);
}
