using Microsoft.ML.Peft.Adapters.Core;
using Peft.Methods;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>docs/methods.md says what the registry has.</summary>
[TestClass]
public sealed class MethodsDocumentTests
{
    [TestMethod]
    public void Methods_document_is_current()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Peft.ML.sln")))
        {
            folder = folder.Parent;
        }

        Assert.IsNotNull(folder, "the tests do not run below the repository");
        Assert.AreEqual(
            MethodsDocument.Write(),
            File.ReadAllText(Path.Combine(folder.FullName, "docs", "methods.md")),
            "run 'dotnet run --project eng/Methods > docs/methods.md'");
    }

    [TestMethod]
    public void Every_row_says_what_the_document_shows()
    {
        foreach (var row in AdapterRegistry.Methods)
        {
            Assert.IsFalse(string.IsNullOrWhiteSpace(row.Formula) || string.IsNullOrWhiteSpace(row.Trained), $"{row.Name} has no formula or no count");
        }
    }
}
