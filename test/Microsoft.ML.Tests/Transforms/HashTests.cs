using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace FoundationTests.Transforms;

/// <summary>Hashes against MurmurHash3 of 32 bits, computed by another program; and in model files.</summary>
[TestClass]
public sealed class HashTests
{
    public sealed class Row
    {
        public string Text { get; set; } = "";
        public float Single { get; set; } = 1.5f;
        public double Double { get; set; } = 1.5;
        public int Int { get; set; } = -7;
        public long Long { get; set; } = 1L << 40;
        [VectorType(2)] public string[] Texts { get; set; } = ["", "hello"];
    }

    private static IDataView Data(MLContext ml, params string[] texts) => ml.Data.LoadFromEnumerable(texts.Select(t => new Row { Text = t }));

    private static T[] Apply<T>(MLContext ml, IDataView data, params HashingEstimator.ColumnOptions[] columns)
    {
        var model = ml.Transforms.Conversion.Hash(columns).Fit(data);
        using var stream = new MemoryStream();
        ml.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        var loaded = ml.Model.Load(stream, out _);
        var values = model.Transform(data).GetColumn<T>("H").ToArray();
        CollectionAssert.AreEqual(values, loaded.Transform(data).GetColumn<T>("H").ToArray(), Comparer<T>.Create((a, b) => string.CompareOrdinal(Shown(a), Shown(b))));
        return values;
    }

    private static string Shown<T>(T value) => value is Array array ? string.Join('|', array.Cast<object>()) : value!.ToString()!;

    [TestMethod]
    public void Texts_and_numbers()
    {
        var ml = new MLContext(1);
        var data = Data(ml, "a", " hello ", "word2vec", "");
        CollectionAssert.AreEqual(new uint[] { 745715393, 167272364, 1422425308, 0 }, Apply<uint>(ml, data, new HashingEstimator.ColumnOptions("H", "Text")));
        Assert.AreEqual(404969083u, Apply<uint>(ml, data, new HashingEstimator.ColumnOptions("H", "Single"))[0]);
        Assert.AreEqual(125259000u, Apply<uint>(ml, data, new HashingEstimator.ColumnOptions("H", "Double"))[0]);
        Assert.AreEqual(1819865625u, Apply<uint>(ml, data, new HashingEstimator.ColumnOptions("H", "Int"))[0]);
        Assert.AreEqual(1735481987u, Apply<uint>(ml, data, new HashingEstimator.ColumnOptions("H", "Long"))[0]);
    }

    [TestMethod]
    public void Bits_seeds_and_order()
    {
        var ml = new MLContext(1);
        var data = Data(ml, "hello");
        Assert.AreEqual(940u, Apply<uint>(ml, data, new HashingEstimator.ColumnOptions("H", "Text", numberOfBits: 10))[0]);
        Assert.AreEqual(2066056306u, Apply<uint>(ml, data, new HashingEstimator.ColumnOptions("H", "Text", seed: 5))[0]);
        Assert.AreEqual(452218807u, Apply<uint>(ml, data, new HashingEstimator.ColumnOptions("H", "Text", useOrderedHashing: true))[0]);
        CollectionAssert.AreEqual(new uint[] { 0, 1636145662 }, Apply<uint[]>(ml, data, new HashingEstimator.ColumnOptions("H", "Texts", useOrderedHashing: true))[0]);
        Assert.AreEqual(0u, Apply<uint>(ml, data, new HashingEstimator.ColumnOptions("H", "Texts", combine: true))[0], "one is missing");
    }

    [TestMethod]
    public void The_payload_in_a_model_file()
    {
        var ml = new MLContext(1);
        var data = Data(ml, "hello");
        using var stream = new MemoryStream();
        ml.Model.Save(ml.Transforms.Conversion.Hash(new HashingEstimator.ColumnOptions("H", "Text", 10, 77, true)).Fit(data), data.Schema, stream);
        using var zip = new ZipArchive(stream);
        using var entry = zip.GetEntry("TransformerChain/Model.key")!.Open();
        using var all = new MemoryStream();
        entry.CopyTo(all);
        var key = all.ToArray();
        Assert.AreEqual("HASHTRNS", System.Text.Encoding.ASCII.GetString(key, 0x40, 8));
        Assert.AreEqual(0x00010004u, BitConverter.ToUInt32(key, 0x48));
        byte[] expected = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0, 77, 0, 0, 0, 1, 0];
        CollectionAssert.AreEqual(expected, key[256..(256 + expected.Length)]);
        Assert.AreEqual(expected.Length, BitConverter.ToInt64(key, 0x18));
    }

    [TestMethod]
    public void Keys_tell_what_they_were_made_of()
    {
        var ml = new MLContext(1);
        var data = Data(ml, "a", "b", "c", "d", "a", "e");
        var model = ml.Transforms.Conversion.Hash("H", "Text", numberOfBits: 1, maximumNumberOfInverts: 2).Fit(data);
        using var stream = new MemoryStream();
        ml.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        foreach (var transformer in new[] { model, ml.Model.Load(stream, out _) })
        {
            var column = transformer.Transform(data).Schema["H"];
            Assert.IsTrue(column.HasKeyValues());
            var names = default(VBuffer<ReadOnlyMemory<char>>);
            column.GetKeyValues(ref names);
            var hashes = transformer.Transform(data).GetColumn<uint>("H").ToArray();
            string[] texts = ["a", "b", "c", "d", "a", "e"];
            for (uint key = 1; key <= 2; key++)
            {
                var first = texts.Zip(hashes).Where(p => p.Second == key).Select(p => p.First).Distinct().Take(2).ToArray();
                string expected = first.Length == 1 ? first[0] : first.Length == 0 ? "" : "{" + string.Join(',', first) + "}";
                Assert.AreEqual(expected, names.GetItemOrDefault((int)key - 1).ToString());
            }
        }
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.Conversion.Hash("H", "Text", maximumNumberOfInverts: 1));
    }
}
