using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Repository.Tests;

/// <summary>What the repository's text files say, and what they must not say.</summary>
[TestClass]
public sealed class TextTests
{
    private static readonly string[] s_text =
        [".cs", ".cpp", ".h", ".md", ".sh", ".py", ".props", ".targets", ".csproj", ".config", ".json", ".txt", ".yml", ""];

    [TestMethod]
    public void No_file_names_a_machine_path_or_a_package_registry()
    {
        // In halves, so that this file does not find itself.
        string[] words = ["/wor" + "k/", "nuget" + ".org", "npm" + "js.", "deb.debian" + ".org", "pypi" + ".org", "crates" + ".io", "/hom" + "e/", "/farm" + "/"];
        var pattern = new Regex(string.Join('|', words.Select(Regex.Escape)), RegexOptions.IgnoreCase);
        // Model and data files are what others wrote; tokenizers hold any string.
        var found = from file in Repository.FilesWith(s_text)
                    where !file.StartsWith("models/", StringComparison.Ordinal) && !file.EndsWith("tokenizer.json", StringComparison.Ordinal)
                    from line in File.ReadLines(Repository.FullPath(file)).Select((text, index) => (text, number: index + 1))
                    where pattern.IsMatch(line.text)
                    select $"{file}:{line.number}: {(line.text.Length > 160 ? line.text[..160] : line.text).Trim()}";
        Assert.IsEmpty(found, string.Join('\n', found.Take(50)));
    }

    [TestMethod]
    public void Package_sources_are_inherited()
    {
        var config = XDocument.Load(Repository.FullPath("nuget.config"));
        Assert.IsEmpty(config.Descendants().Where(e => e.Name.LocalName is "packageSources" or "packageSourceMapping" or "disabledPackageSources"));
        var named = Repository.FilesWith([".props", ".targets", ".csproj", ".config", ".sh"])
            .Where(f => Repository.Text(f) is var text && (text.Contains("RestoreSources", StringComparison.Ordinal) || text.Contains("--source ", StringComparison.Ordinal)));
        Assert.IsEmpty(named, "these name a package source: " + string.Join(", ", named));
    }

    [TestMethod]
    public void Links_of_the_documents_lead_somewhere()
    {
        var broken = from file in Repository.FilesWith([".md"])
                     from link in Regex.Matches(Repository.Text(file), @"\]\(([^)#\s]+)[^)]*\)").Select(m => m.Groups[1].Value)
                     where !link.Contains("://", StringComparison.Ordinal)
                     let target = Path.Combine(Path.GetDirectoryName(Repository.FullPath(file))!, link)
                     where !File.Exists(target) && !Directory.Exists(target)
                     select $"{file}: {link}";
        Assert.IsEmpty(broken, string.Join('\n', broken));
    }

    [TestMethod]
    public void Commands_of_the_documents_exist()
    {
        string[] documents = [.. Repository.FilesWith([".md"]).Where(f => f is "README.md" or "CONTRIBUTING.md" or "bench/README.md")];
        var commands = documents.SelectMany(d => Regex.Matches(Repository.Text(d), @"(?<![\w/.])(?:\./|\.ci/|bench/|eng/)[\w./-]*(?:\.sh|/run)\b").Select(m => m.Value))
            .Select(c => c.StartsWith("./", StringComparison.Ordinal) ? c[2..] : c).ToHashSet();
        Assert.Contains("run.sh", commands);
        Assert.Contains("test.sh", commands);
        foreach (string command in commands)
        {
            Assert.Contains(command, Repository.Files, $"a document names {command}");
            if (!OperatingSystem.IsWindows() && !command.StartsWith("eng/", StringComparison.Ordinal))
                Assert.IsTrue(File.GetUnixFileMode(Repository.FullPath(command)).HasFlag(UnixFileMode.UserExecute), $"{command} is not executable");
        }
    }

    [TestMethod]
    public void Paths_of_the_readme_exist()
    {
        // In `code` and in the example's string literals: whatever looks like a path below a folder of the root.
        string readme = Repository.Text("README.md");
        var folders = Repository.Files.Where(f => f.Contains('/')).Select(f => f[..f.IndexOf('/')]).Distinct();
        var paths = Regex.Matches(readme, $@"[`""]((?:{string.Join('|', folders.Select(Regex.Escape))})/[\w./-]*)[`""]").Select(m => m.Groups[1].Value).ToList();
        Assert.IsNotEmpty(paths);
        foreach (string path in paths)
            Assert.IsTrue(File.Exists(Repository.FullPath(path)) || Directory.Exists(Repository.FullPath(path)), $"README.md names {path}");
    }

    [TestMethod]
    public void The_solution_has_every_project()
    {
        string solution = Repository.Text("Peft.ML.sln").Replace('\\', '/');
        var missing = Repository.FilesWith([".csproj"]).Where(p => !solution.Contains($"\"{p}\"", StringComparison.Ordinal));
        Assert.IsEmpty(missing, "not in Peft.ML.sln, so neither built nor tested: " + string.Join(", ", missing));
    }
}
