using System.IO.Compression;
using System.Text.Json.Nodes;
using Microsoft.ML;

namespace FoundationTests.Golden;

/// <summary>Every model that the real library wrote is read; what it is and what it makes of its schema is as recorded.</summary>
[TestClass]
[TestCategory("GoldenMlNet")]
[DoNotParallelize]
public sealed class GoldenModelTests
{
    public static IEnumerable<object[]> Models => Directory.EnumerateFiles(GoldenSet.Root, "*.zip", SearchOption.AllDirectories)
        .Where(IsModel).Select(f => Path.GetRelativePath(GoldenSet.Root, f)).Order(StringComparer.Ordinal).Select(f => new object[] { f });

    private static bool IsModel(string file)
    {
        try
        {
            using var zip = ZipFile.OpenRead(file);
            return zip.GetEntry("TransformerChain/Model.key") is not null;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void A_model_of_the_real_library_loads(string name)
    {
        string file = Path.Combine(GoldenSet.Root, name), recorded = Path.Combine(Path.GetDirectoryName(file)!, "expected.json");
        var model = new MLContext(1).Model.Load(file, out var schema);
        Assert.IsNotNull(model);
        if (!File.Exists(recorded) || Path.GetFileName(file) != "model.zip")
            return;
        var expected = JsonNode.Parse(File.ReadAllText(recorded))!.AsObject();
        if (expected["loadedType"] is { } type)
            Assert.AreEqual((string?)type, model.GetType().Name);
        if (expected.ContainsKey("inputSchema"))
        {
            Assert.IsEmpty(JsonDifference.Of(expected["inputSchema"], R.Any(schema)));
            if (schema is not null && expected["outputSchema"] is { } output)
                Assert.IsEmpty(JsonDifference.Of(output, R.Any(model.GetOutputSchema(schema))));
        }
    }

    /// <summary>The same entries come out when the model that was read is saved again.</summary>
    [TestMethod]
    [DynamicData(nameof(Models))]
    public void A_model_that_was_read_is_written_with_the_same_entries(string name)
    {
        string file = Path.Combine(GoldenSet.Root, name);
        using var original = ZipFile.OpenRead(file);
        // Only what the real library wrote is written again byte by byte; a loader's file is another kind.
        if (original.GetEntry("Model.key") is not null || Path.GetFileName(file) != "model.zip")
            return;
        var context = new MLContext(1);
        var model = context.Model.Load(file, out var schema);
        using var stream = new MemoryStream();
        context.Model.Save(model, schema, stream);
        using var written = new ZipArchive(stream);
        foreach (var entry in original.Entries.Where(e => e.Name == "Model.key"))
        {
            var ours = written.GetEntry(entry.FullName);
            Assert.IsNotNull(ours, $"{entry.FullName} is missing");
            CollectionAssert.AreEqual(Bytes(entry), Bytes(ours), entry.FullName);
        }
    }

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        using var stream = entry.Open();
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return all.ToArray();
    }
}
