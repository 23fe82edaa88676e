using System.Text.Json;

namespace Repository.Tests;

/// <summary>The property PeftFoundation decides what each project references; evaluated by MSBuild, without restoring anything.</summary>
[TestClass]
public sealed class FoundationChoiceTests
{
    private const string Engine = "src/Microsoft.ML.Peft/Microsoft.ML.Peft.csproj";
    private const string Estimators = "src/Peft.Estimators/Peft.Estimators.csproj";
    private const string Sample = "samples/TextClassification/TextClassification.csproj";

    [TestMethod]
    [DataRow(Engine, "", "Microsoft.ML.Tokenizers TorchSharp", DisplayName = "engine")]
    [DataRow(Estimators, "", "Microsoft.ML Microsoft.ML.AutoML Microsoft.ML.ImageAnalytics TorchSharp", DisplayName = "estimators")]
    [DataRow(Sample, "", "Microsoft.ML TorchSharp TorchSharp-cpu", DisplayName = "sample, CPU")]
    [DataRow(Sample, "-p:Cuda=true", "Microsoft.ML TorchSharp TorchSharp-cuda-linux", DisplayName = "sample, CUDA")]
    public void NuGet_references_the_real_packages(string project, string property, string expected)
    {
        if (property.Length > 0 && OperatingSystem.IsWindows())
            expected = expected.Replace("cuda-linux", "cuda-windows", StringComparison.Ordinal);
        var items = Evaluate(project, ["-p:PeftFoundation=NuGet", .. property.Length > 0 ? new[] { property } : []]);
        var foundation = items.Packages.Where(p => p.StartsWith("Microsoft.ML", StringComparison.Ordinal) || p.StartsWith("TorchSharp", StringComparison.Ordinal));
        Assert.AreEqual(expected, string.Join(' ', foundation.Order(StringComparer.Ordinal)));
        Assert.IsEmpty(items.Projects.Where(p => p.Contains("foundation", StringComparison.Ordinal)), "a project of foundation/ under the real packages");
    }

    [TestMethod]
    [DataRow(Engine, "Microsoft.ML.Tokenizers TorchSharp", DisplayName = "engine")]
    [DataRow(Estimators, "Microsoft.ML.AutoML Microsoft.ML.Core Microsoft.ML.Data Microsoft.ML.DataView Microsoft.ML.ImageAnalytics Microsoft.ML.SearchSpace Microsoft.ML.StandardTrainers Microsoft.ML.Transforms TorchSharp", DisplayName = "estimators")]
    [DataRow(Sample, "Microsoft.ML.Core Microsoft.ML.Data Microsoft.ML.DataView Microsoft.ML.StandardTrainers Microsoft.ML.Transforms TorchSharp", DisplayName = "sample")]
    public void Bundled_references_no_real_package(string project, string expected)
    {
        var items = Evaluate(project, "-p:PeftFoundation=Bundled");
        Assert.IsEmpty(items.Packages.Where(p => p.StartsWith("Microsoft.ML", StringComparison.Ordinal) || p.StartsWith("TorchSharp", StringComparison.Ordinal)));
        var foundation = items.Projects.Where(p => p.Contains("foundation/", StringComparison.Ordinal)).Select(p => Path.GetFileNameWithoutExtension(p));
        Assert.AreEqual(expected, string.Join(' ', foundation.Order(StringComparer.Ordinal)));
    }

    [TestMethod]
    public void Packages_have_a_version()
    {
        // Central versions: a reference without one fails only at restore, which here is possible on one foundation alone.
        var versions = System.Xml.Linq.XDocument.Load(Repository.FullPath("Directory.Packages.props"))
            .Descendants("PackageVersion").Select(e => (string?)e.Attribute("Include")).ToHashSet();
        foreach (string cuda in new[] { "-p:Cuda=false", "-p:Cuda=true" })
            foreach (string package in Evaluate(Sample, "-p:PeftFoundation=NuGet", cuda).Packages)
                Assert.Contains(package, versions);
    }

    [TestMethod]
    public void Anything_else_is_an_error_that_names_the_choices()
    {
        var (code, output, errors) = Repository.Run("dotnet", "msbuild", Engine, "-nologo", "-t:CheckPeftFoundation", "-p:PeftFoundation=Nuget2");
        Assert.AreNotEqual(0, code);
        StringAssert.Contains(output + errors, "PeftFoundation is 'Nuget2'; it must be NuGet or Bundled.");
    }

    private static (List<string> Packages, List<string> Projects) Evaluate(string project, params string[] properties)
    {
        var (code, output, errors) = Repository.Run("dotnet", ["msbuild", project, "-nologo", "-getItem:PackageReference,ProjectReference", .. properties]);
        Assert.AreEqual(0, code, output + errors);
        using var json = JsonDocument.Parse(output);
        var items = json.RootElement.GetProperty("Items");
        return (Identities("PackageReference"), Identities("ProjectReference"));

        List<string> Identities(string kind) =>
            [.. items.GetProperty(kind).EnumerateArray().Select(i => i.GetProperty("Identity").GetString()!.Replace('\\', '/'))];
    }
}
