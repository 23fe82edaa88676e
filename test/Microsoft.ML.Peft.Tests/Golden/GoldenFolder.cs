using System.Formats.Tar;
using System.IO.Compression;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>The folders with what Hugging Face computes: the archives beside the tests, unpacked once, or PEFT_GOLDEN and PEFT_GOLDEN_MORE.</summary>
internal static class GoldenFolder
{
    /// <summary>Name of the first set: the model families and every method.</summary>
    public const string First = "golden";

    /// <summary>Name of the second set: methods on other layers than linear ones, and more settings.</summary>
    public const string Second = "golden-more";

    // A family that the first set's archive lacks.
    private const string Added = "golden-mixtral";

    private static readonly Lazy<string> s_root = new(() => Unpack(First, Added));
    private static readonly Lazy<string> s_first = new(() => Given("PEFT_GOLDEN") ?? Root);
    private static readonly Lazy<string> s_second = new(() => Given("PEFT_GOLDEN_MORE") ?? Unpack(Second));

    /// <summary>The repository's own first set, whatever the variables say: small models for tests that know their sizes.</summary>
    public static string Root => s_root.Value;

    /// <summary>The folder of a set for comparisons with what was recorded.</summary>
    public static string Of(string set) => set == First ? s_first.Value : s_second.Value;

    private static string? Given(string variable)
        => Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } given ? null
            : Directory.Exists(given) ? given : throw new DirectoryNotFoundException($"{variable} names '{given}', which does not exist.");

    private static string Unpack(string name, params ReadOnlySpan<string> added)
    {
        var folder = Directory.CreateTempSubdirectory($"peft-{name}-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        foreach (var archive in (string[])[name, .. added])
        {
            using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, $"{archive}.tar.br"));
            using var unzipped = new BrotliStream(file, CompressionMode.Decompress);
            TarFile.ExtractToDirectory(unzipped, folder, overwriteFiles: false);
        }

        var root = Path.Combine(folder, name);
        foreach (var archive in added)
        {
            foreach (var model in Directory.GetDirectories(Path.Combine(folder, archive)))
            {
                Directory.Move(model, Path.Combine(root, Path.GetFileName(model)));
            }
        }

        return root;
    }
}
