using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Unpacks an archive of test/data once a machine; later runs find it by its hash.</summary>
internal static class TestArchive
{
    /// <summary>The folder <c>inputs</c> of the golden files: below PEFT_GOLDEN, or of the repository's own set.</summary>
    public static string GoldenInputs { get; } = Environment.GetEnvironmentVariable("PEFT_GOLDEN") is { Length: > 0 } golden
        ? Path.Combine(golden, "inputs")
        : Path.Combine(Unpack("golden-inputs.tar.br"), "inputs");

    public static string Unpack(string name)
    {
        var archive = Path.Combine(FindData(), name);
        var hash = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(archive)))[..16];
        var folder = Path.Combine(Path.GetTempPath(), $"peft-{Path.GetFileNameWithoutExtension(name)}-{hash}");
        if (Directory.Exists(folder))
            return folder;
        var beside = Directory.CreateTempSubdirectory("peft-unpack-").FullName;
        using (var file = File.OpenRead(archive))
        using (var tar = new BrotliStream(file, CompressionMode.Decompress))
            TarFile.ExtractToDirectory(tar, beside, overwriteFiles: false);
        try
        {
            Directory.Move(beside, folder);
        }
        catch (IOException) when (Directory.Exists(folder))
        {
            Directory.Delete(beside, recursive: true); // another test process was faster
        }
        return folder;
    }

    private static string FindData()
    {
        for (var folder = AppContext.BaseDirectory; folder != null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Peft.ML.sln")))
                return Path.Combine(folder, "test", "data");
        }
        throw new DirectoryNotFoundException("The tests must run from inside the repository, whose test/data they read.");
    }
}
