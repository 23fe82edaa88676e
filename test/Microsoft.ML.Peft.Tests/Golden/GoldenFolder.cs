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

    private static readonly Lazy<string> s_root = new(() => Unpack("PEFT_GOLDEN", First));
    private static readonly Lazy<string> s_more = new(() => Unpack("PEFT_GOLDEN_MORE", Second));

    /// <summary>The first set.</summary>
    public static string Root => s_root.Value;

    /// <summary>The folder of a set.</summary>
    public static string Of(string set) => set == First ? Root : s_more.Value;

    private static string Unpack(string variable, string name)
    {
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given)
        {
            return Directory.Exists(given) ? given : throw new DirectoryNotFoundException($"{variable} names '{given}', which does not exist.");
        }

        var folder = Directory.CreateTempSubdirectory($"peft-{name}-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, $"{name}.tar.br"));
        using var unzipped = new BrotliStream(file, CompressionMode.Decompress);
        TarFile.ExtractToDirectory(unzipped, folder, overwriteFiles: false);
        return Path.Combine(folder, name);
    }
}
