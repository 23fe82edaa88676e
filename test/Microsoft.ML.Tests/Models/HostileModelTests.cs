using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace FoundationTests.Models;

/// <summary>Model files are data of strangers: damaged or made up ones are refused, fast and with bounded memory.</summary>
[TestClass]
public sealed class HostileModelTests
{
    public sealed class Row
    {
        public string Text { get; set; } = "";
        public float X { get; set; }
        [VectorType(3)] public float[] V { get; set; } = [0, 0, 0];
        public DateTimeOffset When { get; set; }
    }

    private static (byte[] Zip, MLContext Context) Model()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Enumerable.Range(0, 20).Select(i => new Row { Text = "t" + i % 4, X = i, V = [i, 0, 1] }));
        var map = new Dictionary<string, float[]> { ["t1"] = [1, 2], ["t2"] = [3, 4] };
        var model = ml.Transforms.Conversion.MapValueToKey("Key", "Text").Append(ml.Transforms.Conversion.MapKeyToValue("Back", "Key"))
            .Append(ml.Transforms.Conversion.MapValueToKey("XKey", "X")).Append(ml.Transforms.Conversion.MapValue("Pair", map, "Text"))
            .Append(ml.Transforms.Conversion.ConvertType("D", "X", DataKind.Double)).Append(ml.Transforms.Concatenate("F", "X", "V"))
            .Append(ml.Transforms.NormalizeMinMax("N", "F")).Append(ml.Transforms.ReplaceMissingValues("R", "V"))
            .Append(ml.Transforms.CopyColumns("C", "F")).Append(ml.Transforms.DropColumns("C")).Fit(data);
        using var stream = new MemoryStream();
        ml.Model.Save(model, data.Schema, stream);
        return (stream.ToArray(), ml);
    }

    private static Dictionary<string, byte[]> Entries(byte[] zip)
    {
        using var archive = new ZipArchive(new MemoryStream(zip));
        return archive.Entries.ToDictionary(e => e.FullName, e =>
        {
            using var stream = e.Open();
            using var all = new MemoryStream();
            stream.CopyTo(all);
            return all.ToArray();
        });
    }

    private static MemoryStream Zip(Dictionary<string, byte[]> entries)
    {
        var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in entries)
            {
                using var entry = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(bytes);
            }
        }
        stream.Position = 0;
        return stream;
    }

    private static bool IsRefusal(Exception e) => e is FormatException or InvalidOperationException or NotSupportedException or ArgumentException or InvalidDataException or IOException;

    private static void Mutations(int count)
    {
        var (zip, ml) = Model();
        var entries = Entries(zip);
        var names = entries.Keys.Where(n => n.EndsWith("Model.key", StringComparison.Ordinal) || n.EndsWith(".idv", StringComparison.Ordinal) || n == "Schema").ToArray();
        var random = new Random(11);
        int refused = 0, accepted = 0;
        var watch = Stopwatch.StartNew();
        long before = GC.GetTotalAllocatedBytes();
        for (int i = 0; i < count; i++)
        {
            string name = names[random.Next(names.Length)];
            var original = entries[name];
            entries[name] = Damage(original, random);
            try
            {
                ml.Model.Load(Zip(entries), out _);
                accepted++;
            }
            catch (Exception e) when (IsRefusal(e))
            {
                refused++;
            }
            entries[name] = original;
        }
        Assert.IsGreaterThan(count / 4, refused, $"{accepted} of {count} damaged files were read");
        Assert.IsLessThan(count * 20.0, watch.Elapsed.TotalMilliseconds, "a damaged file takes too long");
        Assert.IsLessThan(count * 4L << 20, GC.GetTotalAllocatedBytes() - before, "damaged files take too much memory");
    }

    private static byte[] Damage(byte[] original, Random random)
    {
        var bytes = original.ToArray();
        switch (random.Next(5))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 2:
                BitConverter.TryWriteBytes(bytes.AsSpan(random.Next(Math.Max(1, bytes.Length - 4))), random.Next(2) == 0 ? int.MaxValue : -random.Next(100));
                return bytes;
            case 3:
                int at = random.Next(bytes.Length);
                return [.. bytes[..at], .. Encoding.ASCII.GetBytes("hostile"), .. bytes[at..]];
            default:
                for (int i = 0; i < 8; i++)
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                return bytes;
        }
    }

    [TestMethod]
    public void Damaged_models_are_refused() => Mutations(1000);

    [TestMethod]
    [TestCategory("Slow")]
    public void Ten_thousand_damaged_models_are_refused() => Mutations(10_000);

    private static void ContainerMutations(int count)
    {
        var (zip, ml) = Model();
        var random = new Random(23);
        int refused = 0;
        var watch = Stopwatch.StartNew();
        long before = GC.GetTotalAllocatedBytes();
        for (int i = 0; i < count; i++)
        {
            // Mostly the directory at the end, where lengths and places of entries stand.
            byte[] bytes = random.Next(3) == 0 ? Damage(zip, random) : [.. zip[..^4000], .. Damage(zip[^4000..], random)];
            try
            {
                ml.Model.Load(new MemoryStream(bytes), out _);
            }
            catch (Exception e) when (IsRefusal(e))
            {
                refused++;
            }
        }
        Assert.IsGreaterThan(count / 4, refused);
        Assert.IsLessThan(count * 20.0, watch.Elapsed.TotalMilliseconds, "a damaged file takes too long");
        Assert.IsLessThan(count * 4L << 20, GC.GetTotalAllocatedBytes() - before, "damaged files take too much memory");
    }

    [TestMethod]
    public void Damaged_containers_are_refused() => ContainerMutations(700);

    [TestMethod]
    [TestCategory("Slow")]
    public void Ten_thousand_damaged_containers_are_refused() => ContainerMutations(10_000);

    [TestMethod]
    [Timeout(60_000)]
    public void An_entry_that_is_packed_to_exhaust_memory_is_refused()
    {
        var (zip, ml) = Model();
        var entries = Entries(zip);
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in entries)
            {
                using var entry = archive.CreateEntry(name, CompressionLevel.SmallestSize).Open();
                entry.Write(bytes);
                if (!name.EndsWith("/Transform_000/Model.key", StringComparison.Ordinal))
                    continue;
                var zeros = new byte[1 << 20];
                for (int i = 0; i < 100; i++)
                    entry.Write(zeros);
            }
        }
        stream.Position = 0;
        long before = GC.GetTotalAllocatedBytes();
        var error = Assert.ThrowsExactly<FormatException>(() => ml.Model.Load(stream, out _));
        Assert.Contains("made to exhaust memory", error.Message);
        Assert.IsLessThan(32L << 20, GC.GetTotalAllocatedBytes() - before);
    }

    [TestMethod]
    public void Names_that_leave_the_archive_are_never_followed()
    {
        var (zip, ml) = Model();
        var entries = Entries(zip);
        entries["../../outside.txt"] = [1, 2, 3];
        entries["/etc/outside.txt"] = [1, 2, 3];
        var model = ml.Model.Load(Zip(entries), out var schema);
        Assert.IsNotNull(model.GetOutputSchema(schema).GetColumnOrNull("N"));
    }

    [TestMethod]
    public void A_chain_that_nests_without_end_is_refused()
    {
        var (zip, ml) = Model();
        var entries = new Dictionary<string, byte[]>();
        using var one = new MemoryStream();
        ml.Model.Save(new TransformerChain<ITransformer>(new TransformerChain<ITransformer>()), null, one);
        var chainOfOne = Entries(one.ToArray())["TransformerChain/Model.key"];
        string folder = "TransformerChain";
        for (int i = 0; i < 2000; i++, folder += "/Transform_000")
            entries[folder + "/Model.key"] = chainOfOne;
        var error = Assert.ThrowsExactly<FormatException>(() => ml.Model.Load(Zip(entries), out _));
        Assert.Contains("nests deeper", error.Message);
    }

    [TestMethod]
    public void A_loader_of_another_assembly_is_not_looked_for()
    {
        var (zip, ml) = Model();
        var entries = Entries(zip);
        string key = entries.Keys.First(n => n.EndsWith("/Transform_000/Model.key", StringComparison.Ordinal));
        var name = Encoding.Unicode.GetBytes("Microsoft.ML.Data");
        int at = entries[key].AsSpan().IndexOf(name);
        Encoding.Unicode.GetBytes("Microsoft.ML.Evil").CopyTo(entries[key], at);
        var error = Assert.ThrowsExactly<FormatException>(() => ml.Model.Load(Zip(entries), out _));
        Assert.Contains("Microsoft.ML.Evil", error.Message);
    }
}
