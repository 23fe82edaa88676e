using Peft.Golden;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>docs/models.md says what the code has.</summary>
[TestClass]
public sealed class ModelsDocumentTests
{
    [TestMethod]
    public void Models_document_is_current()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Peft.ML.sln")))
        {
            folder = folder.Parent;
        }

        Assert.IsNotNull(folder, "the tests do not run below the repository");
        var path = Path.Combine(folder.FullName, "docs", "models.md");
        Assert.AreEqual(
            ModelsDocument.Write(GoldenFolder.Root),
            File.ReadAllText(path),
            "run 'dotnet run --project eng/Golden -- --models <golden folders> > docs/models.md'");
    }
}
