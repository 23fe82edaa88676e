using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;

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
    [DataRow(null, "output.dense")] // as HF PEFT writes it
    [DataRow("dense", "bert.encoder.layer.0.attention.output.dense, bert.encoder.layer.0.output.dense, bert.encoder.layer.1.attention.output.dense, bert.encoder.layer.1.output.dense")]
    public void The_file_says_which_targets_were_taken_for_feed_forward_layers(string? target, string written)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        var options = new Ia3Options { TargetModules = target is null ? null : TargetModules.Named(target) };
        using var adapter = AdapterSet.Create("default", options, golden.Model.Backbone, new CopiedModules([], []), seed: 0);
        var settled = (Ia3Options)adapter.Options!;

        Assert.AreEqual(written, settled.FeedForwardModules!.ToString());
        settled.Validate();
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
