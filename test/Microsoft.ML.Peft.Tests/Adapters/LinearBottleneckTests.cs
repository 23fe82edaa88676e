using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What the network in front of a layer owes.</summary>
[TestClass]
public sealed class SeriesInputTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LinearBottleneckOptions { Width = 3, Placement = BottleneckPlacement.SeriesInput, Activation = "linear", Scale = 0.5 };

    protected override bool StartsAsIdentity => false;

    protected override double Tolerance => 1e-4; // numbers of some tens

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * 3 * inputs;
}

/// <summary>What the network behind a layer owes.</summary>
[TestClass]
public sealed class SeriesOutputTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LinearBottleneckOptions { Width = 2, Placement = BottleneckPlacement.SeriesOutput, Activation = "linear", LearnsScale = true };

    protected override bool StartsAsIdentity => false;

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * 2 * outputs) + 1;
}

/// <summary>What the network beside a layer owes.</summary>
[TestClass]
public sealed class ParallelBottleneckTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LinearBottleneckOptions { Width = 3, Placement = BottleneckPlacement.Parallel, Activation = "gelu", Start = "mam_adapter" };

    protected override long TrainedNumbers(long inputs, long outputs) => 3 * (inputs + outputs);

    // W = 3, b = 1, D = 2, U = 5, relu, x = ±1.
    [TestMethod]
    [DataRow(BottleneckPlacement.SeriesInput, 1.0, 34.0)]    // 3·(1 + 5·2) + 1
    [DataRow(BottleneckPlacement.SeriesInput, -1.0, -2.0)]   // 3·(−1) + 1
    [DataRow(BottleneckPlacement.SeriesOutput, 1.0, 44.0)]   // u = 4: 4 + 5·8
    [DataRow(BottleneckPlacement.SeriesOutput, -1.0, -2.0)]  // u = −2
    [DataRow(BottleneckPlacement.Parallel, 1.0, 14.0)]       // 4 + 5·2
    [DataRow(BottleneckPlacement.Parallel, -1.0, -2.0)]
    public void It_is_its_formula(BottleneckPlacement placement, double x, double expected)
    {
        var layer = new LinearLayer("up_proj", 0, new DenseWeight(full(1, 1, 3.0)), full(1, 1.0));
        var adapter = (LinearBottleneck)MethodCase.Parts(new LinearBottleneckOptions { Width = 1, Placement = placement, Activation = "relu" }, layer).Single();
        Fill(adapter, "adapter_down.weight", 2);
        Fill(adapter, "adapter_up.weight", 5);

        Assert.AreEqual(expected, adapter.call(full(1, 1, x)).item<float>(), 1e-5);
        Fill(adapter, "adapter_up.weight", 0);
        Assert.AreEqual((3 * x) + 1, adapter.call(full(1, 1, x)).item<float>(), 1e-5);
    }

    [TestMethod]
    public void The_default_start_is_near_the_identity_and_not_the_identity()
    {
        var layer = Layer(128, 128);
        foreach (var placement in Enum.GetValues<BottleneckPlacement>().Where(p => p != BottleneckPlacement.Auto))
        {
            var x = randn(4, 128);
            var adapter = (LinearAdapter)MethodCase.Parts(new LinearBottleneckOptions { Width = 64, Placement = placement }, layer).Single();
            var moved = (adapter.call(x) - Base(layer, x)).norm().item<float>() / Base(layer, x).norm().item<float>();
            Assert.IsTrue(moved is > 0 and < 0.1f, $"{placement}: {moved}");
        }
    }

    [TestMethod]
    public void Weights_are_of_full_precision_beside_a_base_in_BFloat16()
        => Assert.IsTrue(Wrap(Layer(ScalarType.BFloat16)).parameters().All(p => p.dtype == ScalarType.Float32));

    [TestMethod]
    public void A_bent_network_has_no_weight()
    {
        var layer = Layer();
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => Wrap(layer).Materialize(layer.Weight.Dense())).Message, "'gelu'");
        using var set = AdapterSet.Of("x", Options, [Wrap(layer)], 1);
        Assert.ThrowsExactly<PeftException>(() => set.Merge());
    }

    [TestMethod]
    public void Settings_of_the_authors_are_read_and_wrong_ones_refused()
    {
        const string Fields = "\"peft_type\": \"BOTTLENECK\", \"bottleneck_size\": 64, \"target_modules\": [\"q_proj\"], \"use_parallel_adapter\": true, \"bias\": \"adapter_only\"";
        var read = (LinearBottleneckOptions)AdapterOptions.FromJson($"{{ {Fields}, \"scaling\": \"learned\" }}", "test");
        Assert.AreEqual((64, BottleneckPlacement.Parallel, true), (read.Width, read.Placement, read.LearnsScale));
        Assert.AreEqual(2, ((LinearBottleneckOptions)AdapterOptions.FromJson($"{{ {Fields}, \"scaling\": 2 }}", "test")).Scale);
        var behind = (LinearBottleneckOptions)AdapterOptions.FromJson("{\"peft_type\": \"BOTTLENECK\", \"use_adapterp\": true, \"use_parallel_adapter\": false}", "test");
        Assert.AreEqual(BottleneckPlacement.SeriesOutput, behind.Placement);
        Assert.AreEqual(behind, (LinearBottleneckOptions)AdapterOptions.FromJson(behind.ToJson(), "test") with { OtherFields = behind.OtherFields });
        foreach (var scale in (string[])["\"lots\"", "null", "[1]", "0"])
        {
            Assert.ThrowsExactly<FormatException>(() => AdapterOptions.FromJson($"{{ {Fields}, \"scaling\": {scale} }}", "test"), scale);
        }

        foreach (var wrong in (LinearBottleneckOptions[])[
            new() { Width = 0 }, new() { Dropout = 1 }, new() { Scale = double.NaN }, new() { LearnsScale = true, Scale = 2 }, new() { Start = "houlsby" }, new() { Placement = (BottleneckPlacement)9 }])
        {
            Assert.Throws<ArgumentException>(wrong.Validate, $"{wrong}");
        }

        Assert.ThrowsExactly<PeftException>(() => new LinearBottleneckOptions { Activation = "bend" }.Validate());
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => MethodCase.Parts(new LinearBottleneckOptions(), Layer())).Message, "'block.0.query'");
    }
}
