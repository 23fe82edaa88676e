using System.Formats.Tar;
using System.IO.Compression;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>The folder with what Hugging Face computes: PEFT_GOLDEN, or the archive beside the tests, unpacked once.</summary>
internal static class GoldenFolder
{
    private static readonly Lazy<string> s_root = new(Unpack);

    public static string Root => s_root.Value;

    private static string Unpack()
    {
        if (Environment.GetEnvironmentVariable("PEFT_GOLDEN") is { Length: > 0 } given)
        {
            return Directory.Exists(given) ? given : throw new DirectoryNotFoundException($"PEFT_GOLDEN names '{given}', which does not exist.");
        }

        var folder = Directory.CreateTempSubdirectory("peft-golden-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "golden.tar.br"));
        using var unzipped = new BrotliStream(file, CompressionMode.Decompress);
        TarFile.ExtractToDirectory(unzipped, folder, overwriteFiles: false);
        return Path.Combine(folder, "golden");
    }
}
