using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>Rotary positions: the forms that config.json has, and what they do to a head.</summary>
[TestClass]
public sealed class RotaryTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow("{}", 1.0, 10000.0, DisplayName = "nothing said")]
    [DataRow("""{"rope_theta": 500.0, "rope_scaling": null}""", 1.0, 500.0, DisplayName = "older form")]
    [DataRow("""{"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}}""", 1.0, 500.0, DisplayName = "newer form")]
    [DataRow("""{"rope_theta": 500.0, "rope_scaling": {"type": "linear", "factor": 4.0}}""", 0.25, 500.0, DisplayName = "linear, older form")]
    [DataRow("""{"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}}""", 0.25, 500.0, DisplayName = "linear, newer form")]
    public void Angles_are_position_times_frequency(string json, double stretch, double theta)
    {
        var angles = Read(json, 8).Embedding.Angles(arange(10, ScalarType.Int64), 10, 10);

        CollectionAssert.AreEqual((long[])[1, 10, 1, 4], angles.Cosines.shape);
        for (var pair = 0; pair < 4; pair++)
        {
            var angle = 9 * stretch * Math.Pow(theta, -pair / 4.0);
            Assert.AreEqual(Math.Cos(angle), angles.Cosines[0, 9, 0, pair].item<float>(), 1e-5);
            Assert.AreEqual(Math.Sin(angle), angles.Sines[0, 9, 0, pair].item<float>(), 1e-5);
        }
    }

    [TestMethod]
    public void Llama3_keeps_short_waves_and_stretches_long_ones()
    {
        // 8192 positions: a wave of over 8192 is stretched by 8, one of under 2048 is kept, one that fits 2.5 times is half of each.
        const string Json = """
            {"rope_parameters": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
             "original_max_position_embeddings": 8192, "rope_theta": 500000.0}}
            """;
        var sines = Read(Json, 128).Embedding.Angles(tensor([1L]), 1, 1).Sines;
        for (var pair = 0; pair < 64; pair++)
        {
            var plain = Math.Pow(500000, -pair / 64.0);
            var turns = 8192 * plain / (2 * Math.PI);
            var expected = turns > 4 ? plain : turns < 1 ? plain / 8 : (((turns - 1) / 3) + ((4 - turns) / 3 / 8)) * plain;
            Assert.AreEqual(Math.Sin(expected), sines[0, 0, 0, pair].item<float>(), 1e-6 * Math.Max(expected, 1e-3), $"pair {pair}");
        }
    }

    // The numbers are those of the papers' formulas, computed by a script in double precision.
    [TestMethod]
    public void Yarn_of_Qwen_stretches_long_waves_and_scales_the_scores()
    {
        const string Json = """
            {"max_position_embeddings": 32768, "rope_theta": 1000000.0,
             "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}}
            """;
        var (rotary, longest) = Read(Json, 128);

        Frequencies(
            rotary, 1, scale: 1.138629436111989,
            (0, 1.0), (10, 1.154781985e-01), (22, 8.659643234e-03), (23, 6.978305849e-03), (24, 5.375321491e-03), (28, 1.848276565e-03),
            (30, 1.064360981e-03), (32, 6.029411765e-04), (36, 1.798411559e-04), (39, 6.490394321e-05), (40, 4.445698525e-05), (63, 3.102344402e-07));
        Assert.AreEqual(131072, longest);
    }

    [TestMethod]
    public void Yarn_takes_its_settings()
    {
        const string Llama = """
            {"max_position_embeddings": 65536, "rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 16.0,
             "original_max_position_embeddings": 4096, "truncate": false, "beta_fast": 32, "beta_slow": 1}}
            """;
        Frequencies(
            Read(Llama, 128).Embedding, 1, scale: 1.2772588722239782,
            (10, 2.371373706e-01), (20, 5.623413252e-02), (21, 4.859150586e-02), (25, 2.306087128e-02), (30, 8.634272966e-03),
            (35, 2.940626698e-03), (40, 8.164706234e-04), (45, 9.785687467e-05), (46, 8.334508951e-05), (63, 7.217387404e-06));

        // No factor: how much longer the model is than what it was trained with.
        Frequencies(Read(Llama.Replace("\"factor\": 16.0,", "", StringComparison.Ordinal), 128).Embedding, 1, scale: 1.2772588722239782, (45, 9.785687467e-05));
        const string Two = "\"mscale\": 0.707, \"mscale_all_dim\": 1.0, \"factor\": 40.0,";
        Frequencies(Read(Llama.Replace("\"factor\": 16.0,", Two, StringComparison.Ordinal), 128).Embedding, 1, scale: 0.9210423553163399, (0, 1.0));
        const string Given = "\"attention_factor\": 0.5, \"factor\": 16.0,";
        Frequencies(Read(Llama.Replace("\"factor\": 16.0,", Given, StringComparison.Ordinal), 128).Embedding, 1, scale: 0.5, (0, 1.0));
    }

    [TestMethod]
    public void Dynamic_frequencies_follow_the_length_of_long_inputs()
    {
        var (rotary, longest) = Read("""{"max_position_embeddings": 2048, "rope_scaling": {"type": "dynamic", "factor": 2.0}}""", 64);

        Frequencies(rotary, 2048, scale: 1, [.. Enumerable.Range(0, 32).Select(i => (i, Math.Pow(10000, -i / 32.0)))]);
        Frequencies(rotary, 3000, scale: 1, (0, 1.0), (1, 7.341600402e-01), (8, 8.439679214e-02), (16, 7.122818523e-03), (31, 6.910556410e-05));
        Frequencies(rotary, 4096, scale: 1, (0, 1.0), (1, 7.237840224e-01), (8, 7.531334453e-02), (16, 5.672099864e-03), (31, 4.445071441e-05));
        Assert.AreEqual(4096, longest);
    }

    [TestMethod]
    [DataRow("longrope")]
    [DataRow("su")]
    [DataRow("yarn")]
    public void Long_rope_of_Phi_has_a_list_for_short_inputs_and_one_for_long(string name)
    {
        var json = $$"""
            {"max_position_embeddings": 131072, "original_max_position_embeddings": 4096,
             "rope_scaling": {"type": "{{name}}", "short_factor": [1.0, 1.25, 2.0], "long_factor": [1.5, 4.0, 64.0]} }
            """;
        var (rotary, longest) = Read(json, 6);
        double[] plain = [1, Math.Pow(10000, -1 / 3.0), Math.Pow(10000, -2 / 3.0)];

        Frequencies(rotary, 4096, scale: 1.1902380714238083, (0, 1.0), (1, plain[1] / 1.25), (2, plain[2] / 2));
        Frequencies(rotary, 4097, scale: 1.1902380714238083, (0, 1 / 1.5), (1, plain[1] / 4), (2, plain[2] / 64));
        Assert.AreEqual(131072, longest);
        Assert.IsTrue(rotary.ForgetsAt(4097));
        Assert.IsFalse(rotary.ForgetsAt(4096));
        Assert.IsFalse(rotary.ForgetsAt(4098));
    }

    [TestMethod]
    [DataRow("""{"rope_scaling": {"type": "mrope", "mrope_section": [1]}}""", "'rope_scaling' is")]
    [DataRow("""{"rope_parameters": {"rope_type": "ntk"}}""", "of the type \"default\", \"linear\", \"dynamic\", \"yarn\", \"longrope\" or \"llama3\"")]
    [DataRow("""{"rope_scaling": {"type": "dynamic"}}""", "'factor' is missing")]
    [DataRow("""{"rope_parameters": {"rope_type": "yarn", "factor": 0.5}}""", "'factor' is 0.5")]
    [DataRow("""{"rope_parameters": {"rope_type": "yarn", "factor": 2.0, "beta_fast": 0.5}}""", "'beta_fast' is 0.5; it must be at least beta_slow")]
    [DataRow("""{"rope_parameters": {"rope_type": "yarn", "factor": 2.0, "rope_theta": 1}}""", "'rope_theta' is 1")]
    [DataRow("""{"rope_parameters": {"rope_type": "longrope"}}""", "'long_factor' is missing")]
    [DataRow("""{"rope_parameters": {"rope_type": "longrope", "long_factor": [1, 2], "short_factor": [1, 2, 3, 4]}}""", "'long_factor' is [1,2]; it must be a list of 4 numbers")]
    [DataRow("""{"rope_parameters": {"rope_type": "longrope", "long_factor": [1, 2, 0, 4], "short_factor": [1, 2, 3, 4]}}""", "'long_factor' is [1,2,0,4]")]
    [DataRow("""{"rope_parameters": {"rope_type": "linear"}}""", "'factor' is missing")]
    [DataRow("""{"rope_parameters": {"rope_type": "llama3", "factor": 2.0}}""", "'original_max_position_embeddings' is missing")]
    [DataRow("""{"rope_parameters": {"rope_theta": -1}}""", "'rope_theta' is -1")]
    [DataRow("""{"rope_parameters": 5}""", "must be an object")]
    [DataRow("""{"partial_rotary_factor": 0.1}""", "'partial_rotary_factor' is 0.1")]
    public void What_is_not_supported_is_refused(string json, string sentence)
    {
        var error = Assert.ThrowsExactly<ModelFormatException>(() => Read(json, 8));
        Assert.Contains(sentence, error.Message);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Each_pair_is_turned_and_the_rest_is_kept(bool neighbours)
    {
        float[] frequencies = [1f, 0.1f];
        var rotary = new RotaryEmbedding(new RotaryFrequencies(frequencies), neighbours);
        var x = randn(2 * 3, 2 * 6); // 2 rows of 3 tokens, 2 heads of 6 features, 4 of which are turned
        var turned = rotary.Apply(x, rotary.Angles(tensor([0L, 1L, 2L, 5L, 6L, 7L]), 3, 8), 2, 3, 2, 6).view(2, 3, 2, 6);
        var from = x.view(2, 3, 2, 6);
        for (var pair = 0; pair < 2; pair++)
        {
            var (first, second) = neighbours ? (2 * pair, (2 * pair) + 1) : (pair, pair + 2);
            var angle = 6 * frequencies[pair]; // the second token of the second row
            var (a, b) = (from[1, 1, 1, first].item<float>(), from[1, 1, 1, second].item<float>());
            Assert.AreEqual((a * Math.Cos(angle)) - (b * Math.Sin(angle)), turned[1, 1, 1, first].item<float>(), 1e-5);
            Assert.AreEqual((b * Math.Cos(angle)) + (a * Math.Sin(angle)), turned[1, 1, 1, second].item<float>(), 1e-5);
        }

        Assert.AreEqual(from[1, 1, 1, 5].item<float>(), turned[1, 1, 1, 5].item<float>());
        Assert.AreEqual(0f, (from[0, 0] - turned[0, 0]).abs().max().item<float>()); // position 0
    }

    private static (RotaryEmbedding Embedding, int MaxLength) Read(string json, int headSize)
    {
        var config = JsonNode.Parse(json)!.AsObject();
        config.TryAdd("max_position_embeddings", 2048);
        return RotaryConfig.Read(ModelConfig.Parse(config.ToJsonString(new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }), "config.json"), headSize);
    }

    // Position 1 turns each pair by its frequency.
    private static void Frequencies(RotaryEmbedding rotary, long length, double scale, params (int Pair, double Frequency)[] expected)
    {
        var (cosines, sines) = rotary.Angles(tensor([1L]), 1, length);
        foreach (var (pair, frequency) in expected)
        {
            Assert.AreEqual(scale * Math.Sin(frequency), sines[0, 0, 0, pair].item<float>(), 2e-6 * Math.Max(frequency, 1e-6), $"pair {pair}");
            Assert.AreEqual(scale * Math.Cos(frequency), cosines[0, 0, 0, pair].item<float>(), 2e-6, $"pair {pair}");
        }
    }
}
