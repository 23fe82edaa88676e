using System.Globalization;
using System.Text;
using Microsoft.ML.Peft.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Checkpoints;

[TestClass]
public sealed class SafetensorsWriterTests
{
    [TestMethod]
    public void Layout_is_that_of_the_formats_own_writer()
    {
        using var small = tensor(new byte[] { 7, 8, 9 });
        using var b = tensor(new float[] { 1, 2 });
        using var a = tensor(new float[] { 3 });
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, [new("small", small), new("b", b), new("a", a)], new Dictionary<string, string> { ["format"] = "pt" });

        // Wide numbers first, then by name; compact JSON; blanks up to a multiple of 8.
        var json = """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"small":{"dtype":"U8","shape":[3],"data_offsets":[12,15]}}""";
        json = json.PadRight((json.Length + 7) / 8 * 8);
        var bytes = stream.ToArray();
        Assert.AreEqual(json.Length, BitConverter.ToInt64(bytes, 0));
        Assert.AreEqual(json, Encoding.UTF8.GetString(bytes, 8, json.Length));
        CollectionAssert.AreEqual(new byte[] { 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 7, 8, 9 }, bytes[(8 + json.Length)..]);
    }

    [TestMethod]
    public void Round_trip_of_views_and_awkward_names()
    {
        using var whole = arange(0, 12, dtype: ScalarType.Int64).reshape(3, 4);
        using var turned = whole.t();
        using var empty = zeros(0, 3);
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder["x.safetensors"], [new("a \"quoted\\ é\" 名 😀", turned), new("e", empty)]);
        using var reader = SafetensorsReader.Open(folder["x.safetensors"]);
        using var read = reader.Read("a \"quoted\\ é\" 名 😀");
        CollectionAssert.AreEqual(new long[] { 4, 3 }, read.shape);
        CollectionAssert.AreEqual(new long[] { 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11 }, read.data<long>().ToArray());
        CollectionAssert.AreEqual(new long[] { 0, 3 }, reader.Entries["e"].Shape);
        CollectionAssert.AreEqual(new[] { "x.safetensors" }, Directory.GetFiles(folder.Path).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public void Refused_before_a_file_is_made()
    {
        using var a = zeros(1);
        using var folder = new TemporaryFolder();
        var path = folder["x.safetensors"];
        Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Write(path, [new("a", a), new("a", a)]));
        Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Write(path, [new("a\nb", a)]));
        Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Write(path, [new("__metadata__", a)]));
        Assert.IsEmpty(Directory.GetFiles(folder.Path));
    }

    [TestMethod]
    public void Same_bytes_in_every_culture()
    {
        using var a = zeros(1234, 2);
        var before = CultureInfo.CurrentCulture;
        try
        {
            // Made by hand: where the system has no culture data there is only the invariant one.
            var odd = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            odd.NumberFormat = new NumberFormatInfo { NegativeSign = "~", NumberGroupSeparator = "'", NumberDecimalSeparator = "," };
            var files = new[] { CultureInfo.InvariantCulture, odd }.Select(culture =>
            {
                CultureInfo.CurrentCulture = culture;
                using var stream = new MemoryStream();
                SafetensorsWriter.Write(stream, [new("WEIGHT.i", a)]);
                return Convert.ToHexString(stream.ToArray());
            }).Distinct();
            Assert.AreEqual(1, files.Count());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [TestMethod]
    public void A_failed_write_leaves_the_old_file()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("x", "old");
        Assert.ThrowsExactly<IOException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new IOException("disk full");
        }));
        Assert.AreEqual("old", File.ReadAllText(path));
        CollectionAssert.AreEqual(new[] { path }, Directory.GetFiles(folder.Path));
        AtomicFile.Write(path, stream => stream.Write("new"u8));
        Assert.AreEqual("new", File.ReadAllText(path));
    }
}
