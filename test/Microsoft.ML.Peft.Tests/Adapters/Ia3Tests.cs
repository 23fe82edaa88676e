using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>(IA)³ on the outputs of a layer.</summary>
[TestClass]
public sealed class Ia3Tests : LinearAdapterContract
{
    protected override AdapterOptions Options => new Ia3Options { FeedForwardModules = new() };

    protected override long TrainedNumbers(long inputs, long outputs) => outputs;

    [TestMethod]
    public void Factors_scale_outputs_with_their_bias()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Fill(adapter, "ia3_l", 3);
        var x = Input();

        AssertClose(3 * Base(layer, x), adapter.call(x));
        AssertClose(3 * layer.Bias!, adapter.MaterializeBias(layer.Bias)!);
    }

    [TestMethod]
    public void Default_targets_of_a_model_of_3_billion_numbers_train_the_published_count()
        => Assert.AreEqual(286_720, 28 * (TrainedNumbers(3072, 1024) + TrainedNumbers(3072, 1024) + 8192)); // k, v; down by its inputs

    [TestMethod]
    public void Feed_forward_layers_must_be_targets()
    {
        var error = Assert.ThrowsExactly<ArgumentException>(
            () => new Ia3Options { TargetModules = TargetModules.Named("key"), FeedForwardModules = new("dense") }.Validate());

        StringAssert.StartsWith(error.Message, "FeedForwardModules names dense, which TargetModules (key) does not");
    }

    [TestMethod]
    [DataRow("[\"dense\"]", "a.dense", true)]
    [DataRow("[]", "a.dense", false)]
    [DataRow("\".*mlp.*\"", "a.mlp.down", true)]
    [DataRow("\"mlp\"", "a.mlp.down", false)]
    public void Files_name_feed_forward_layers_by_their_end_or_a_pattern(string modules, string path, bool matches)
    {
        var options = (Ia3Options)AdapterOptions.FromJson($"{{\"peft_type\": \"IA3\", \"feedforward_modules\": {modules}}}", "adapter_config.json");

        Assert.AreEqual(matches, options.FeedForwardModules!.Matches(path));
    }
}

/// <summary>(IA)³ on the inputs of a feed-forward layer.</summary>
[TestClass]
public sealed class Ia3FeedForwardTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new Ia3Options { FeedForwardModules = new("query") };

    protected override long TrainedNumbers(long inputs, long outputs) => inputs;

    [TestMethod]
    public void Factors_scale_inputs_and_not_the_bias()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Fill(adapter, "ia3_l", 3);
        var x = Input();

        AssertClose((3 * (Base(layer, x) - layer.Bias!)) + layer.Bias!, adapter.call(x));
    }
}
