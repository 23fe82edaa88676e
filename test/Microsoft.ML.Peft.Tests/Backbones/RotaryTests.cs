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
        var angles = RotaryConfig.Read(ModelConfig.Parse(json, "config.json"), 8).Angles(arange(10, ScalarType.Int64), 10);

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
        var sines = RotaryConfig.Read(ModelConfig.Parse(Json, "config.json"), 128).Angles(tensor([1L]), 1).Sines;
        for (var pair = 0; pair < 64; pair++)
        {
            var plain = Math.Pow(500000, -pair / 64.0);
            var turns = 8192 * plain / (2 * Math.PI);
            var expected = turns > 4 ? plain : turns < 1 ? plain / 8 : (((turns - 1) / 3) + ((4 - turns) / 3 / 8)) * plain;
            Assert.AreEqual(Math.Sin(expected), sines[0, 0, 0, pair].item<float>(), 1e-6 * Math.Max(expected, 1e-3), $"pair {pair}");
        }
    }

    [TestMethod]
    [DataRow("""{"rope_scaling": {"type": "dynamic", "factor": 2.0}}""", "'rope_scaling'")]
    [DataRow("""{"rope_parameters": {"rope_type": "yarn", "factor": 2.0}}""", "\"default\", \"linear\" or \"llama3\"")]
    [DataRow("""{"rope_parameters": {"rope_type": "longrope"}}""", "longrope")]
    [DataRow("""{"rope_parameters": {"rope_type": "linear"}}""", "'factor' is missing")]
    [DataRow("""{"rope_parameters": {"rope_type": "llama3", "factor": 2.0}}""", "'original_max_position_embeddings' is missing")]
    [DataRow("""{"rope_parameters": {"rope_theta": -1}}""", "'rope_theta' is -1")]
    [DataRow("""{"rope_parameters": 5}""", "must be an object")]
    [DataRow("""{"partial_rotary_factor": 0.1}""", "'partial_rotary_factor' is 0.1")]
    public void What_is_not_supported_is_refused(string json, string sentence)
    {
        var error = Assert.ThrowsExactly<ModelFormatException>(() => RotaryConfig.Read(ModelConfig.Parse(json, "config.json"), 8));
        Assert.Contains(sentence, error.Message);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Each_pair_is_turned_and_the_rest_is_kept(bool neighbours)
    {
        float[] frequencies = [1f, 0.1f];
        var rotary = new RotaryEmbedding(frequencies, neighbours);
        var x = randn(2 * 3, 2 * 6); // 2 rows of 3 tokens, 2 heads of 6 features, 4 of which are turned
        var turned = rotary.Apply(x, rotary.Angles(tensor([0L, 1L, 2L, 5L, 6L, 7L]), 3), 2, 3, 2, 6).view(2, 3, 2, 6);
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
}
