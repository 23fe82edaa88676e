using System.Text.Json;
using Microsoft.ML.Peft.Inputs.Vision;

namespace Microsoft.ML.Peft.Tests.Inputs.Vision;

/// <summary>What Pillow made of pictures of many kinds (eng/InputOracle/images.py).</summary>
internal static class ImageCases
{
    private static readonly Lazy<byte[]> Bytes = new(() => File.ReadAllBytes(PathOf("expected.bin")));

    public static string Folder { get; } = Path.Combine(TestArchive.Unpack("image-cases.tar.br"), "image-cases");

    public static string PathOf(string file) => Path.Combine(Folder, file);

    public static List<JsonElement> Of(string kind)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(PathOf("cases.json")));
        return [.. document.RootElement.GetProperty(kind).EnumerateArray().Select(e => e.Clone())];
    }

    /// <summary>The largest difference of two bytes.</summary>
    public static int Difference(JsonElement recorded, RgbImage actual)
    {
        var (width, height) = (recorded.GetProperty("width").GetInt32(), recorded.GetProperty("height").GetInt32());
        Assert.AreEqual((width, height), (actual.Width, actual.Height), recorded.ToString());
        var expected = Bytes.Value.AsSpan(recorded.GetProperty("at").GetInt32(), width * height * 3);
        var bytes = actual.ToRgb24();
        var most = 0;
        for (var i = 0; i < bytes.Length; i++)
            most = Math.Max(most, Math.Abs(bytes[i] - expected[i]));
        return most;
    }
}
