using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;
using System.Xml.Linq;

namespace Repository.Tests;

/// <summary>The working tree that these tests examine.</summary>
internal static class Repository
{
    private static readonly Dictionary<string, string> s_metadata = typeof(Repository).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().ToDictionary(a => a.Key, a => a.Value ?? "");

    /// <summary>Absolute path of the root.</summary>
    public static string Root { get; } = Path.TrimEndingDirectorySeparator(Path.GetFullPath(s_metadata["RepositoryRoot"]));

    /// <summary>Whether foundation/ takes part in this build.</summary>
    public static bool IsBundled { get; } = s_metadata["PeftFoundation"] == "Bundled";

    private static readonly Lazy<IReadOnlyList<string>> s_files = new(ListFiles);

    /// <summary>Every file that belongs to the repository, relative to the root, with '/' between folders.</summary>
    public static IReadOnlyList<string> Files => s_files.Value;

    public static string FullPath(string relative) => Path.Combine(Root, relative.Replace('/', Path.DirectorySeparatorChar));

    public static string Text(string relative) => File.ReadAllText(FullPath(relative));

    /// <summary>Files under one of <paramref name="folders"/> (all files if none is given) with one of the endings in <paramref name="extensions"/>.</summary>
    public static IEnumerable<string> FilesWith(string[] extensions, params string[] folders) => Files.Where(file =>
        extensions.Contains(Path.GetExtension(file)) && (folders.Length == 0 || folders.Any(f => file.StartsWith(f + "/", StringComparison.Ordinal))));

    /// <summary>The built assemblies of the projects under <paramref name="folders"/>; a missing one fails the calling test.</summary>
    public static IReadOnlyList<string> Assemblies(params string[] folders)
    {
        var paths = new List<string>();
        foreach (string project in FilesWith([".csproj"], folders))
        {
            string name = XDocument.Load(FullPath(project)).Descendants("AssemblyName").FirstOrDefault()?.Value
                ?? Path.GetFileNameWithoutExtension(project);
            string path = Path.Combine(Path.GetDirectoryName(FullPath(project))!, "bin", s_metadata["Configuration"], "net10.0", name + ".dll");
            Assert.IsTrue(File.Exists(path), $"{path} is not there: build {project} first");
            paths.Add(path);
        }
        return paths;
    }

    /// <summary>Runs a program at the root and returns its exit code and what it printed.</summary>
    public static (int ExitCode, string Output, string Errors) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The test host's own settings would reach a nested dotnet otherwise.
        foreach (string key in start.Environment.Keys.Where(k => k.StartsWith("MSBuild", StringComparison.Ordinal) || k == "PeftFoundation").ToList())
            start.Environment.Remove(key);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    private static IReadOnlyList<string> ListFiles()
    {
        try
        {
            // Also what is new and not ignored: a rule should fail before the commit, not after it.
            var git = Run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard");
            if (git.ExitCode == 0)
                return [.. git.Output.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(f => File.Exists(FullPath(f))).Distinct()];
        }
        catch (Win32Exception)
        {
            // No git on this machine: the folders tell.
        }
        string[] skipped = ["bin", "obj", ".git", "TestResults", "build"];
        return [.. Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Root, f).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(f => !f.Split('/').Any(skipped.Contains))];
    }
}
