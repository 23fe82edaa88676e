using System.Text.RegularExpressions;

namespace Repository.Tests;

/// <summary>Nobody looks behind the public surface of Microsoft.ML, TorchSharp or foundation/.</summary>
[TestClass]
public sealed class FriendTests
{
    [TestMethod]
    public void Product_shows_its_internals_to_its_tests_and_benchmarks_only()
    {
        foreach (string path in Repository.Assemblies("src"))
        {
            using var assembly = new Metadata(path);
            var foreign = assembly.Friends.Where(f => !f.EndsWith(".Tests", StringComparison.Ordinal) && !f.StartsWith("Bench", StringComparison.Ordinal)).ToList();
            Assert.IsEmpty(foreign, $"{Path.GetFileName(path)} has InternalsVisibleTo {string.Join(", ", foreign)}");
        }
    }

    [TestMethod]
    public void Foundation_shows_its_internals_to_itself_and_its_tests_only()
    {
        if (!Repository.IsBundled)
            Assert.Inconclusive("foundation/ takes no part in this build (PeftFoundation=NuGet)");
        // The assemblies that the real packages have, and the tests of foundation/; the product's tests must not get in.
        var allowed = Repository.FilesWith([".txt"], "test/data/api").Select(f => Path.GetFileNameWithoutExtension(f))
            .Concat(["Microsoft.ML.Tests", "TorchSharp.Tests"]).ToHashSet();
        foreach (string path in Repository.Assemblies("foundation"))
        {
            using var assembly = new Metadata(path);
            var foreign = assembly.Friends.Where(f => !allowed.Contains(f)).ToList();
            Assert.IsEmpty(foreign, $"{Path.GetFileName(path)} has InternalsVisibleTo {string.Join(", ", foreign)}: with it the product could use what the real packages do not show");
        }
    }

    [TestMethod]
    public void Product_and_samples_go_around_no_access_check()
    {
        foreach (string path in Repository.Assemblies("src", "samples"))
        {
            using var assembly = new Metadata(path);
            Assert.IsEmpty(assembly.AssemblyAttributes("IgnoresAccessChecksToAttribute"), path);
        }
        // Our own registries construct our own types, whose constructors are internal.
        string[] reflective = ["src/Microsoft.ML.Peft/Backbones/BackboneRegistry.cs", "src/Microsoft.ML.Peft/Heads/HeadRegistry.cs"];
        var banned = new Regex(@"BindingFlags\.NonPublic|UnsafeAccessor|IgnoresAccessChecksTo|\bPEFT_BUNDLED\b|BinaryFormatter|\bAssembly\.Load");
        var found = from file in Repository.FilesWith([".cs"], "src", "samples").Except(reflective)
                    from line in File.ReadLines(Repository.FullPath(file)).Select((text, index) => (text, number: index + 1))
                    where banned.IsMatch(line.text)
                    select $"{file}:{line.number}: {line.text.Trim()}";
        Assert.IsEmpty(found, "the product uses public API only, is one source for both foundations, and loads no code named by a file:\n" + string.Join('\n', found));
    }
}
