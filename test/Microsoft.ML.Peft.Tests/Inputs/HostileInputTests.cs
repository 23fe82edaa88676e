using System.Text;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Inputs.Audio;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Tests.Inputs.Audio;
using Microsoft.ML.Peft.Tests.Inputs.Vision;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Files from strangers: nothing crashes, hangs or takes memory without bound, and every refusal says why.</summary>
[TestClass]
public sealed class HostileInputTests
{
    private const int Some = 400;
    private const int Many = 10_000;
    private const long Megabyte = 1 << 20;

    private static readonly string Text = string.Concat(Enumerable.Repeat("Hello, wörld! 123 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ab 中文 👍🏽\r\n\t<s> bbbbbbbbbbbbbb c ", 4));

    [TestMethod]
    public void Tokenizers() => RunTokenizers(Some);

    [TestMethod]
    [TestCategory("Slow")]
    public void Very_many_tokenizers() => RunTokenizers(Many);

    [TestMethod]
    public void Pictures() => RunPictures(Some);

    [TestMethod]
    [TestCategory("Slow")]
    public void Very_many_pictures() => RunPictures(Many);

    [TestMethod]
    public void Sounds() => RunSounds(Some);

    [TestMethod]
    [TestCategory("Slow")]
    public void Very_many_sounds() => RunSounds(Many);

    [TestMethod]
    [DynamicData(nameof(TokenizerGoldenTests.Kinds), typeof(TokenizerGoldenTests))]
    public void A_long_word_takes_time_in_proportion(string kind) => TimeWords(kind, 480_000);

    [TestMethod]
    [TestCategory("Slow")]
    [DynamicData(nameof(TokenizerGoldenTests.Kinds), typeof(TokenizerGoldenTests))]
    public void A_word_of_ten_megabytes_takes_time_in_proportion(string kind) => TimeWords(kind, 10_240_000);

    private static void RunTokenizers(int count)
    {
        var fine = Mutations.Run<FormatException>([.. SmallTokenizers()], Mutations.Json, bytes =>
        {
            var tokenizer = HuggingFaceTokenizer.Parse(Encoding.Latin1.GetString(bytes).All(c => c < 128) ? Encoding.UTF8.GetString(bytes) : Valid(bytes), "the file");
            var encoding = tokenizer.EncodeWithDetails(Text, "pair", truncation: new TextTruncation(4096));
            tokenizer.Decode(encoding.Ids);
        }, count, 256 * Megabyte);
        Assert.IsGreaterThan(count / 20, fine);
        Assert.IsLessThan(count, fine);
    }

    /// <summary>Broken UTF-8 is refused before it is text; as text only what is valid arrives.</summary>
    private static string Valid(byte[] bytes)
    {
        try
        {
            return new UTF8Encoding(false, true).GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new FormatException("the file is not UTF-8, which Load refuses.", e);
        }
    }

    private static void RunPictures(int count)
    {
        var files = ImageCases.Of("decode").Concat(ImageCases.Of("orientation")).Select(c => File.ReadAllBytes(ImageCases.PathOf(c.GetProperty("file").GetString()!)));
        var fine = Mutations.Run<InputFormatException>([.. files], Mutations.Bytes, bytes => RgbImage.Decode(bytes, "the file"), count, (8 * RgbImage.MaxPixels) + (16 * Megabyte));
        Assert.IsGreaterThan(count / 20, fine);
        Assert.IsLessThan(count, fine);
    }

    private static void RunSounds(int count)
    {
        var files = AudioCases.Of("decode").Select(c => File.ReadAllBytes(AudioCases.PathOf(c.GetProperty("file").GetString()!)));
        var fine = Mutations.Run<InputFormatException>([.. files], Mutations.Bytes, bytes => AudioClip.Decode(bytes, "the file"), count, 256 * Megabyte);
        Assert.IsGreaterThan(count / 20, fine);
        Assert.IsLessThan(count, fine);
    }

    /// <summary>4 µs a character are ten times what it takes; n² steps of a tenth of a nanosecond would take ten times as long at 480,000 characters.</summary>
    private static void TimeWords(string kind, int length)
    {
        var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(TestArchive.GoldenInputs, "tokenizers", kind));
        foreach (var letters in (string[])["a", "tion", "xqzj"])
        {
            var seconds = double.MaxValue;
            for (var i = 0; i < 3 && seconds > 4e-6 * length; i++) // other work of this process counts, too
                seconds = Math.Min(seconds, Time(tokenizer, letters, length));
            Assert.IsLessThan(4e-6 * length, seconds, $"{letters}: {seconds:0.000} s of processor time for {length} characters");
        }
    }

    private static double Time(HuggingFaceTokenizer tokenizer, string letters, int length)
    {
        var text = string.Concat(Enumerable.Repeat(letters, length / letters.Length));
        var before = Environment.CpuUsage.TotalTime;
        var ids = tokenizer.Encode(text).Ids;
        Assert.IsNotEmpty(ids);
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    /// <summary>The golden tokenizers with a small part of their vocabulary, so that what is mutated is mostly structure.</summary>
    private static IEnumerable<byte[]> SmallTokenizers()
    {
        foreach (var folder in Directory.GetDirectories(Path.Combine(TestArchive.GoldenInputs, "tokenizers")).Order(StringComparer.Ordinal))
        {
            var json = JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, "tokenizer.json")))!;
            var model = json["model"]!;
            if (model["vocab"] is JsonArray pieces)
                model["vocab"] = new JsonArray([.. pieces.Take(60).Select(p => p!.DeepClone())]);
            else if (model["merges"] is JsonArray merges)
                model["merges"] = new JsonArray([.. merges.Take(20).Select(m => m!.DeepClone())]);
            if (model["vocab"] is JsonObject words)
                model["vocab"] = new JsonObject(words.OrderBy(w => w.Value!.GetValue<int>()).Take(400).Select(w => KeyValuePair.Create(w.Key, w.Value?.DeepClone())));
            yield return Encoding.UTF8.GetBytes(json.ToJsonString());
        }
    }
}
