using System.Runtime.InteropServices;
using System.Text.Json;

namespace Microsoft.ML.Peft.Tests.Inputs.Audio;

/// <summary>Sound files of many kinds, and what torchaudio made of samples (eng/InputOracle/audio.py).</summary>
internal static class AudioCases
{
    private static readonly Lazy<float[]> All = new(() => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(PathOf("expected.bin"))).ToArray());

    public static string Folder { get; } = Path.Combine(TestArchive.Unpack("audio-cases.tar.br"), "audio-cases");

    public static string PathOf(string file) => Path.Combine(Folder, file);

    public static List<JsonElement> Of(string kind)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(PathOf("cases.json")));
        return [.. document.RootElement.GetProperty(kind).EnumerateArray().Select(e => e.Clone())];
    }

    public static float[] Numbers(JsonElement item) => All.Value.AsSpan(item.GetProperty("at").GetInt32(), item.GetProperty("count").GetInt32()).ToArray();

    /// <summary>The largest difference, after the lengths were found equal.</summary>
    public static double Difference(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        double most = 0;
        for (var i = 0; i < actual.Length; i++)
            most = Math.Max(most, Math.Abs((double)expected[i] - actual[i]));
        return most;
    }
}
