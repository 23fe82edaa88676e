using System.Text;
using Microsoft.ML.Peft.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Checkpoints;

/// <summary>Every way in which the header of a safetensors file can be wrong, and the fault that it must be.</summary>
[TestClass]
public sealed class SafetensorsHeaderTests
{
    private const string Good = """{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}""";

    [TestMethod]
    public void A_good_file_opens()
    {
        using var reader = SafetensorsReader.Open(SafetensorsFile.Of(Good + "   ", 16), "good");
        var entry = reader.Entries["a"];
        Assert.AreEqual(ScalarType.Float32, entry.Dtype);
        CollectionAssert.AreEqual(new long[] { 2, 2 }, entry.Shape);
        Assert.AreEqual((0L, 16L), (entry.Offset, entry.Length));
        Assert.IsEmpty(reader.Metadata);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(7)]
    public void Too_short_for_a_length(int bytes) => Assert.AreEqual(ModelFormatError.HeaderTooSmall, SafetensorsFile.ErrorOf(new byte[bytes]));

    [TestMethod]
    [DataRow(ulong.MaxValue, 0, ModelFormatError.HeaderTooLarge)]
    [DataRow(100_000_001UL, 0, ModelFormatError.HeaderTooLarge)]
    [DataRow(100_000_000UL, 0, ModelFormatError.InvalidHeaderLength)]
    [DataRow(17UL, 16, ModelFormatError.InvalidHeaderLength)]
    public void Header_length_beyond_limit_or_file(ulong length, int rest, ModelFormatError expected) =>
        Assert.AreEqual(expected, SafetensorsFile.ErrorOf(SafetensorsFile.WithLength(length, rest)));

    [TestMethod]
    [DataRow("{")]
    [DataRow("[]")]
    [DataRow("null")]
    [DataRow("3")]
    [DataRow("")]
    [DataRow(" {}")]
    [DataRow("{}{}")]
    [DataRow("\uFEFF{}")]
    [DataRow("""{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")]
    public void Not_a_json_object(string header) => Assert.AreEqual(ModelFormatError.InvalidJson, SafetensorsFile.ErrorOf(SafetensorsFile.Of(header)));

    [TestMethod]
    public void Not_utf8() => Assert.AreEqual(ModelFormatError.InvalidUtf8, SafetensorsFile.ErrorOf(SafetensorsFile.Of([(byte)'{', 0xFF, (byte)'}'])));

    [TestMethod]
    [DataRow("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")]
    [DataRow("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")]
    [DataRow("""{"__metadata__":{},"__metadata__":{}}""")]
    [DataRow("""{"__metadata__":{"k":"1","k":"1"}}""")]
    [DataRow("""{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")]
    [DataRow("""{"a":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}}""")]
    public void Repeated_name(string header) => Assert.AreEqual(ModelFormatError.DuplicateKey, SafetensorsFile.ErrorOf(SafetensorsFile.Of(header)));

    [TestMethod]
    [DataRow("""{"__metadata__":{"k":1}}""")]
    [DataRow("""{"__metadata__":{"k":{}}}""")]
    [DataRow("""{"__metadata__":{"k":null}}""")]
    [DataRow("""{"__metadata__":"k"}""")]
    public void Metadata_that_is_no_table_of_strings(string header) =>
        Assert.AreEqual(ModelFormatError.InvalidMetadata, SafetensorsFile.ErrorOf(SafetensorsFile.Of(header)));

    [TestMethod]
    [DataRow("""{"a":{"dtype":"U8","data_offsets":[0,0]}}""")]
    [DataRow("""{"a":{"shape":[0],"data_offsets":[0,0]}}""")]
    [DataRow("""{"a":{"dtype":"U8","shape":[0]}}""")]
    [DataRow("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"extra":1}}""")]
    [DataRow("""{"a":{"dtype":3,"shape":[0],"data_offsets":[0,0]}}""")]
    [DataRow("""{"a":{"dtype":"U8","shape":0,"data_offsets":[0,0]}}""")]
    [DataRow("""{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}""")]
    [DataRow("""{"a":{"dtype":"U8","shape":[0.0],"data_offsets":[0,0]}}""")]
    [DataRow("""{"a":{"dtype":"U8","shape":["0"],"data_offsets":[0,0]}}""")]
    [DataRow("""{"a":[]}""")]
    [DataRow("""{"a":null}""")]
    public void Entry_with_a_wrong_field(string header) => Assert.AreEqual(ModelFormatError.InvalidEntry, SafetensorsFile.ErrorOf(SafetensorsFile.Of(header)));

    [TestMethod]
    [DataRow("F31")]
    [DataRow("f32")]
    [DataRow("F4")]
    [DataRow("F8_E4M3FNUZ")]
    [DataRow("")]
    public void Unknown_dtype(string dtype)
    {
        var file = SafetensorsFile.Of($$$"""{"a":{"dtype":"{{{dtype}}}","shape":[4],"data_offsets":[0,16]}}""", 16);
        Assert.AreEqual(ModelFormatError.UnsupportedDtype, SafetensorsFile.ErrorOf(file));
        var error = Assert.ThrowsExactly<ModelFormatException>(() => SafetensorsReader.Open(file, "x"));
        StringAssert.Contains(error.Message, $"'{dtype}'");
        StringAssert.Contains(error.Message, "BF16");
    }

    [TestMethod]
    public void Ten_tensors_on_the_same_bytes()
    {
        var entries = Enumerable.Range(0, 10).Select(i => $$$"""  "t{{{i}}}":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}""");
        Assert.AreEqual(ModelFormatError.InvalidOffset, SafetensorsFile.ErrorOf(SafetensorsFile.Of("{" + string.Join(',', entries) + "}", 16)));
    }

    [TestMethod]
    [DataRow("[4,8]")]
    [DataRow("[4,0]")]
    [DataRow("[-4,0]")]
    [DataRow("[0,1e3]")]
    [DataRow("""[0,"5"]""")]
    [DataRow("[0,4.0]")]
    [DataRow("[0]")]
    [DataRow("[0,4,8]")]
    [DataRow("{}")]
    [DataRow("[0,9223372036854775808]")]
    public void Impossible_offsets(string offsets) =>
        Assert.AreEqual(ModelFormatError.InvalidOffset, SafetensorsFile.ErrorOf(SafetensorsFile.Of($$$"""{"a":{"dtype":"U8","shape":[4],"data_offsets":{{{offsets}}}}}""", 8)));

    [TestMethod]
    public void A_hole_between_tensors() => Assert.AreEqual(ModelFormatError.InvalidOffset, SafetensorsFile.ErrorOf(SafetensorsFile.Of(
        """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}}""", 9)));

    [TestMethod]
    [DataRow("[2,18446744073709551614]")]
    [DataRow("[2,9223372036854775807]")]
    [DataRow("[18446744073709551616]")]
    [DataRow("[281474976710656,281474976710656]")]
    [DataRow("[281474976710657,0]")]
    public void Shapes_beyond_64_bits(string shape) =>
        Assert.AreEqual(ModelFormatError.Overflow, SafetensorsFile.ErrorOf(SafetensorsFile.Of($$$"""{"a":{"dtype":"F32","shape":{{{shape}}},"data_offsets":[0,16]}}""", 16)));

    [TestMethod]
    [DataRow("[5]")]
    [DataRow("[3]")]
    [DataRow("[0]")]
    [DataRow("[]")]
    public void Size_differs_from_shape(string shape) =>
        Assert.AreEqual(ModelFormatError.SizeMismatch, SafetensorsFile.ErrorOf(SafetensorsFile.Of($$$"""{"a":{"dtype":"F32","shape":{{{shape}}},"data_offsets":[0,16]}}""", 16)));

    [TestMethod]
    [DataRow(15)]
    [DataRow(17)]
    public void Missing_or_trailing_data(int length) => Assert.AreEqual(ModelFormatError.IncompleteBuffer, SafetensorsFile.ErrorOf(SafetensorsFile.Of(Good, length)));

    [TestMethod]
    public void Rank_beyond_16() => Assert.AreEqual(ModelFormatError.LimitExceeded, SafetensorsFile.ErrorOf(SafetensorsFile.Of(
        $$$"""{"a":{"dtype":"U8","shape":[{{{string.Join(',', Enumerable.Repeat(1, 10_000))}}}],"data_offsets":[0,1]}}""", 1)));

    [TestMethod]
    public void Nesting_beyond_4()
    {
        var deep = string.Concat(Enumerable.Repeat("""{"a":""", 1000)) + "1" + new string('}', 1000);
        Assert.AreEqual(ModelFormatError.LimitExceeded, SafetensorsFile.ErrorOf(SafetensorsFile.Of(deep)));
    }

    [TestMethod]
    public void More_than_a_million_tensors()
    {
        var header = new StringBuilder("{");
        for (var i = 0; i <= 1_000_001; i++)
            header.Append(i == 0 ? "" : ",").Append('"').Append(i).Append("\":0");
        header.Append('}');
        Assert.AreEqual(ModelFormatError.LimitExceeded, SafetensorsFile.ErrorOf(SafetensorsFile.Of(header.ToString())));
    }

    [TestMethod]
    [DataRow("a\\u0000b")]
    [DataRow("a\\nb")]
    [DataRow(1_000_000)]
    [DataRow(1025)]
    public void Bad_names(object name)
    {
        var text = name as string ?? new string('n', (int)name);
        Assert.AreEqual(ModelFormatError.InvalidName, SafetensorsFile.ErrorOf(SafetensorsFile.Of($$$"""{"{{{text}}}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")));
    }

    [TestMethod]
    public void Every_truncation_of_a_good_file_is_refused()
    {
        var file = SafetensorsFile.Of(Good, 16);
        for (var length = 0; length < file.Length; length++)
            Assert.ThrowsExactly<ModelFormatException>(() => SafetensorsReader.Open(file.AsMemory(0, length), "cut"));
    }
}
