using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Tests.Checkpoints;

[TestClass]
public sealed class WeightFolderTests
{
    private const string Index = "model.safetensors.index.json";

    private static byte[] Shard(params string[] names) => SafetensorsFile.Of(
        "{" + string.Join(',', names.Select((name, i) => $$$""" "{{{name}}}":{"dtype":"U8","shape":[4],"data_offsets":[{{{4 * i}}},{{{(4 * i) + 4}}}]}""").Select(s => s.Trim())) + "}", 4 * names.Length);

    [TestMethod]
    public void A_single_file()
    {
        using var folder = new TemporaryFolder();
        folder.Write("model.safetensors", Shard("a", "b"));
        using var weights = WeightFolder.Open(folder.Path);
        CollectionAssert.AreEquivalent(new[] { "a", "b" }, weights.Entries.Keys.ToArray());
        using var b = weights.Read("b");
        CollectionAssert.AreEqual(new byte[] { 4, 5, 6, 7 }, b.bytes.ToArray());
        Assert.AreEqual(ModelFormatError.MissingTensor, Assert.ThrowsExactly<ModelFormatException>(() => weights.Read("c")).Error);
    }

    [TestMethod]
    [DataRow("12")]
    [DataRow("12.0")]
    public void Shards_and_their_index(string size)
    {
        using var folder = new TemporaryFolder();
        folder.Write("one.safetensors", Shard("a", "b"));
        folder.Write("two.safetensors", Shard("c"));
        folder.Write(Index, $$$"""{"metadata":{"total_size":{{{size}}}},"weight_map":{"a":"one.safetensors","b":"one.safetensors","c":"two.safetensors"}}""");
        using var weights = WeightFolder.Open(folder.Path);
        Assert.HasCount(3, weights.Entries);
        using var c = weights.Read("c");
        CollectionAssert.AreEqual(new byte[] { 0, 1, 2, 3 }, c.bytes.ToArray());
    }

    [TestMethod]
    [DataRow("""{"weight_map":{"a":"../x.safetensors"}}""", ModelFormatError.PathEscape)]
    [DataRow("""{"weight_map":{"a":"/abs.safetensors"}}""", ModelFormatError.PathEscape)]
    [DataRow("""{"weight_map":{"a":"sub/x.safetensors"}}""", ModelFormatError.PathEscape)]
    [DataRow("""{"weight_map":{"a":"..\\x.safetensors"}}""", ModelFormatError.PathEscape)]
    [DataRow("""{"weight_map":{"a":"C:x.safetensors"}}""", ModelFormatError.PathEscape)]
    [DataRow("""{"weight_map":{"a":".hidden"}}""", ModelFormatError.PathEscape)]
    [DataRow("""{"weight_map":{"a":""}}""", ModelFormatError.PathEscape)]
    [DataRow("""{"weight_map":{"a":"x\u0000.safetensors"}}""", ModelFormatError.PathEscape)]
    [DataRow("""{"weight_map":{"a":"none.safetensors"}}""", ModelFormatError.MissingShard)]
    [DataRow("""{"weight_map":{"a":"one.safetensors"}}""", ModelFormatError.UnexpectedTensor)]
    [DataRow("""{"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}""", ModelFormatError.DuplicateKey)]
    [DataRow("""{"weight_map":{"a":"one.safetensors","a":"two.safetensors"}}""", ModelFormatError.DuplicateKey)]
    [DataRow("""{"weight_map":{"a":"one.safetensors","b":"one.safetensors","c":"one.safetensors"}}""", ModelFormatError.MissingTensor)]
    [DataRow("""{"metadata":{"total_size":9},"weight_map":{"a":"one.safetensors","b":"one.safetensors"}}""", ModelFormatError.SizeMismatch)]
    [DataRow("""{"metadata":{"total_size":"8"},"weight_map":{"a":"one.safetensors","b":"one.safetensors"}}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"weight_map":{"a":1}}""", ModelFormatError.InvalidEntry)]
    [DataRow("""{"weight_map":{}}""", ModelFormatError.LimitExceeded)]
    [DataRow("""{"a":1}""", ModelFormatError.InvalidEntry)]
    [DataRow("[", ModelFormatError.InvalidJson)]
    [DataRow("""{"weight_map":{"a":"\ud800"}}""", ModelFormatError.InvalidUtf8)]
    public void Bad_indexes(string index, ModelFormatError expected)
    {
        using var folder = new TemporaryFolder();
        folder.Write("one.safetensors", Shard("a", "b"));
        folder.Write("two.safetensors", Shard("b"));
        folder.Write(Index, index);
        Assert.AreEqual(expected, Assert.ThrowsExactly<ModelFormatException>(() => WeightFolder.Open(folder.Path)).Error);
    }

    [TestMethod]
    public void Links_may_not_leave_the_folder()
    {
        if (OperatingSystem.IsWindows())
            Assert.Inconclusive("Links need a privilege on Windows.");
        using var outside = new TemporaryFolder();
        using var folder = new TemporaryFolder();
        File.CreateSymbolicLink(folder["model.safetensors"], outside.Write("x.safetensors", Shard("a")));
        Assert.AreEqual(ModelFormatError.PathEscape, Assert.ThrowsExactly<ModelFormatException>(() => WeightFolder.Open(folder.Path)).Error);
    }

    [TestMethod]
    public void Links_inside_and_into_the_download_cache_are_followed()
    {
        if (OperatingSystem.IsWindows())
            Assert.Inconclusive("Links need a privilege on Windows.");
        using var folder = new TemporaryFolder();
        folder.Write("stored.safetensors", Shard("a"));
        File.CreateSymbolicLink(folder["model.safetensors"], "stored.safetensors");
        WeightFolder.Open(folder.Path).Dispose();

        using var cache = new TemporaryFolder();
        Directory.CreateDirectory(cache["blobs"]);
        var snapshot = Directory.CreateDirectory(cache["snapshots/0123"]).FullName;
        File.WriteAllBytes(cache["blobs/abc"], Shard("a"));
        File.CreateSymbolicLink(Path.Combine(snapshot, "model.safetensors"), "../../blobs/abc");
        WeightFolder.Open(snapshot).Dispose();
    }

    [TestMethod]
    public void Only_pickled_weights_are_refused_with_the_way_out()
    {
        using var folder = new TemporaryFolder();
        Assert.AreEqual(ModelFormatError.MissingFile, Assert.ThrowsExactly<ModelFormatException>(() => WeightFolder.Open(folder.Path)).Error);
        folder.Write("pytorch_model.bin", [0x80, 2]);
        Assert.AreEqual(ModelFormatError.UnsafeFormat, Assert.ThrowsExactly<ModelFormatException>(() => WeightFolder.Open(folder.Path)).Error);
        Assert.AreEqual(ModelFormatError.MissingFile, Assert.ThrowsExactly<ModelFormatException>(() => WeightFolder.Open(folder["none"])).Error);
    }
}
