using System.Runtime.InteropServices;
using Microsoft.ML.Peft.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Checkpoints;

/// <summary>Tensors come back as they were written, and only from files that are files.</summary>
[TestClass]
public sealed class SafetensorsReaderTests
{
    [TestMethod]
    public void Every_dtype_reads_its_bytes()
    {
        foreach (var (name, type, size) in new[]
        {
            ("BOOL", ScalarType.Bool, 1), ("U8", ScalarType.Byte, 1), ("I8", ScalarType.Int8, 1), ("I16", ScalarType.Int16, 2), ("F16", ScalarType.Float16, 2),
            ("BF16", ScalarType.BFloat16, 2), ("I32", ScalarType.Int32, 4), ("F32", ScalarType.Float32, 4), ("F64", ScalarType.Float64, 8), ("I64", ScalarType.Int64, 8),
        })
        {
            var file = SafetensorsFile.Of($$$"""{"a":{"dtype":"{{{name}}}","shape":[2,1],"data_offsets":[0,{{{2 * size}}}]}}""", 2 * size);
            using var reader = SafetensorsReader.Open(file, name);
            using var tensor = reader.Read("a");
            Assert.AreEqual(type, tensor.dtype);
            CollectionAssert.AreEqual(new long[] { 2, 1 }, tensor.shape);
            CollectionAssert.AreEqual(Enumerable.Range(0, 2 * size).Select(i => (byte)i).ToArray(), tensor.bytes.ToArray());
        }
    }

    [TestMethod]
    public void Empty_tensor_and_scalar()
    {
        var file = SafetensorsFile.Of("""{"e":{"dtype":"F32","shape":[0,1099511627776],"data_offsets":[0,0]},"s":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}""", 4);
        using var reader = SafetensorsReader.Open(file, "x");
        using var nothing = reader.Read("e");
        CollectionAssert.AreEqual(new long[] { 0, 1L << 40 }, nothing.shape);
        using var scalar = reader.Read("s");
        Assert.IsEmpty(scalar.shape);
        Assert.AreEqual(0x03020100, MemoryMarshal.Read<int>(scalar.bytes));
    }

    [TestMethod]
    public void Read_tensors_outlive_dispose_scopes()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("x.safetensors", SafetensorsFile.Of("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 4));
        using var reader = SafetensorsReader.Open(path);
        Tensor tensor;
        using (NewDisposeScope())
            tensor = reader.Read("a");
        using (tensor)
            CollectionAssert.AreEqual(new byte[] { 0, 1, 2, 3 }, tensor.bytes.ToArray());
    }

    [TestMethod]
    public void ReadInto_fills_converts_and_checks_the_shape()
    {
        var file = SafetensorsFile.Of("""{"a":{"dtype":"U8","shape":[2,3],"data_offsets":[0,6]}}""", 6);
        using var reader = SafetensorsReader.Open(file, "x");
        using var same = zeros(2, 3, dtype: ScalarType.Byte);
        reader.ReadInto("a", same);
        CollectionAssert.AreEqual(new byte[] { 0, 1, 2, 3, 4, 5 }, same.bytes.ToArray());

        using var wider = zeros(2, 3, dtype: ScalarType.Float32, requires_grad: true);
        reader.ReadInto("a", wider);
        CollectionAssert.AreEqual(new float[] { 0, 1, 2, 3, 4, 5 }, MemoryMarshal.Cast<byte, float>(wider.bytes).ToArray());

        using var wrong = zeros(3, 2, dtype: ScalarType.Byte);
        Assert.AreEqual(ModelFormatError.ShapeMismatch, Assert.ThrowsExactly<ModelFormatException>(() => reader.ReadInto("a", wrong)).Error);
        using var broadcastable = zeros(1, 3, dtype: ScalarType.Byte);
        Assert.ThrowsExactly<ModelFormatException>(() => reader.ReadInto("a", broadcastable));
        Assert.AreEqual(ModelFormatError.MissingTensor, Assert.ThrowsExactly<ModelFormatException>(() => reader.Read("b")).Error);
    }

    [TestMethod]
    public void A_file_that_shrinks_while_open_is_an_io_error()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("x.safetensors", SafetensorsFile.Of("""{"a":{"dtype":"U8","shape":[4000],"data_offsets":[0,4000]}}""", 4000));
        using var reader = SafetensorsReader.Open(path);
        using (var other = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            other.SetLength(1000);
        var error = Assert.ThrowsExactly<EndOfStreamException>(() => reader.Read("a"));
        StringAssert.Contains(error.Message, "x.safetensors");
    }

    [TestMethod]
    [Timeout(10_000, CooperativeCancellation = false)]
    public void Only_regular_files_open()
    {
        using var folder = new TemporaryFolder();
        AssertNotRegular(folder.Path);
        if (OperatingSystem.IsWindows())
            return;
        File.CreateSymbolicLink(folder["dangling.safetensors"], folder["nowhere"]);
        AssertNotRegular(folder["dangling.safetensors"]);
        AssertNotRegular("/dev/zero");
        System.Diagnostics.Process.Start("mkfifo", folder["pipe.safetensors"]).WaitForExit();
        Assert.IsTrue(File.Exists(folder["pipe.safetensors"]));
        AssertNotRegular(folder["pipe.safetensors"]);

        File.CreateSymbolicLink(folder["good.safetensors"], folder.Write("target", SafetensorsFile.Of("{}")));
        SafetensorsReader.Open(folder["good.safetensors"]).Dispose();
        Assert.AreEqual(ModelFormatError.MissingFile, Assert.ThrowsExactly<ModelFormatException>(() => SafetensorsReader.Open(folder["none"])).Error);

        static void AssertNotRegular(string path) =>
            Assert.AreEqual(ModelFormatError.NotRegularFile, Assert.ThrowsExactly<ModelFormatException>(() => SafetensorsReader.Open(path)).Error);
    }

    [TestMethod]
    [DataRow("adapter_model.bin", new byte[] { 1, 2, 3 })]
    [DataRow("model.pt", new byte[] { })]
    [DataRow("renamed.safetensors", new byte[] { 0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20 })]
    [DataRow("renamed.safetensors", new byte[] { 0x80, 4, 0x95, 1, 0, 0, 0, 0, 0, 0, 0 })]
    [DataRow("renamed.safetensors", new byte[] { (byte)'P', (byte)'K', 3, 4, 0, 0, 8, 8, 0, 0 })]
    public void Pickles_are_refused_with_the_way_out(string name, byte[] content)
    {
        using var folder = new TemporaryFolder();
        var error = Assert.ThrowsExactly<ModelFormatException>(() => SafetensorsReader.Open(folder.Write(name, content)));
        Assert.AreEqual(ModelFormatError.UnsafeFormat, error.Error);
        StringAssert.Contains(error.Message, "save_file");
    }

    [TestMethod]
    public void Disposed_reader_says_so()
    {
        var reader = SafetensorsReader.Open(SafetensorsFile.Of("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"""), "x");
        reader.Dispose();
        reader.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => reader.Read("a"));
    }
}
