using System.Formats.Tar;
using System.IO.Compression;

namespace Peft.Golden;

/// <summary>Packs a golden folder for test/data: the same bytes for the same files.</summary>
internal static class GoldenArchive
{
    /// <summary>Writes <c>name.tar.br</c> with <paramref name="folder"/>'s README.md, models and adapters under the root <c>name</c>.</summary>
    public static void Pack(string folder, string archive)
    {
        var root = Path.GetFileName(archive).Split('.')[0];
        using var file = File.Create(archive);
        using var compressed = new BrotliStream(file, new BrotliCompressionOptions { Quality = 11 });
        using var tar = new TarWriter(compressed, TarEntryFormat.Ustar);
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(folder, path).Replace('\\', '/');
            if (name.Contains('/', StringComparison.Ordinal) || name is "README.md" or "report.json")
            {
                using var data = File.OpenRead(path);
                tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, $"{root}/{name}")
                {
                    DataStream = data,
                    ModificationTime = DateTimeOffset.UnixEpoch,
                    Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
                });
            }
        }
    }
}
