using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>How the networks of LLM-Adapters start, and what they drop.</summary>
[TestClass]
public sealed class LinearBottleneckStartTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow(BottleneckPlacement.SeriesInput)]
    [DataRow(BottleneckPlacement.SeriesOutput)]
    [DataRow(BottleneckPlacement.Parallel)]
    public void Both_ways_of_the_authors_to_start(BottleneckPlacement placement)
    {
        var layer = new LinearLayer("up_proj", 0, new DenseWeight(randn(300, 200)), randn(300));
        var (down, up) = Weights(new() { Width = 100, Placement = placement });
        Assert.AreEqual(0.02, Size(down), 5e-4);
        Assert.AreEqual(0.02, Size(up), 5e-4);

        (down, up) = Weights(new() { Width = 100, Placement = placement, Start = "mam_adapter" });
        var bound = 1 / Math.Sqrt(down.size(1)); // Kaiming-uniform, a = √5
        Assert.AreEqual(bound / Math.Sqrt(3), Size(down), 0.02 * bound);
        Assert.IsLessThanOrEqualTo(bound + 1e-7, down.abs().max().item<float>());
        Assert.AreEqual(0, up.count_nonzero().item<long>());

        var x = randn(4, 200);
        var identity = Made(new() { Width = 100, Placement = placement, Start = "mam_adapter" }).call(x);
        Golden.Close.Assert(nn.functional.linear(x, layer.Weight.Dense(), layer.Bias), identity.detach(), "identity", 1e-6);

        LinearBottleneck Made(LinearBottleneckOptions options) => (LinearBottleneck)MethodCase.Parts(options, layer).Single();

        (Tensor Down, Tensor Up) Weights(LinearBottleneckOptions options)
        {
            var named = Made(options).named_parameters().ToDictionary(p => p.name, p => p.parameter.detach());
            return (named["adapter_down.weight"], named["adapter_up.weight"]);
        }

        static double Size(Tensor of) => of.square().mean().sqrt().item<float>();
    }

    // One input that is not 0: the network's code is that of it doubled, or of nothing.
    [TestMethod]
    public void Dropout_is_one_of_what_the_network_reads()
    {
        var layer = new LinearLayer("up_proj", 0, new DenseWeight(randn(4, 6)), null);
        var adapter = (LinearBottleneck)MethodCase.Parts(
            new LinearBottleneckOptions { Width = 3, Placement = BottleneckPlacement.Parallel, Activation = "linear", Dropout = 0.5 }, layer).Single();
        var x = zeros(40, 6);
        x.select(1, 2).fill_(3);
        var plain = nn.functional.linear(x, layer.Weight.Dense());
        var whole = (adapter.call(x) - plain).detach();
        adapter.train();
        var added = (adapter.call(x) - plain).detach();
        var kept = added.abs().amax([1L]).gt(1e-5);
        Golden.Close.Assert(where(kept.unsqueeze(1), whole * 2, zeros_like(whole)), added, "added", 1e-3);
        Assert.IsTrue(kept.sum().item<long>() is > 5 and < 35);
    }

    [TestMethod]
    public void A_prefix_starts_with_numbers_of_deviation_1_and_its_learnt_factor_at_1()
    {
        var prefix = MethodCase.Parts(new PrefixTuningOptions { VirtualTokens = 10, TokenWidth = 128, Heads = 4, Layers = 4 }).Single();
        Assert.AreEqual(1, prefix.parameters().Single().square().mean().sqrt().item<float>(), 0.03);
        var learnt = MethodCase.Parts(new LinearBottleneckOptions { LearnsScale = true }, new LinearLayer("up_proj", 0, new DenseWeight(randn(4, 6)), null)).Single();
        Assert.AreEqual(1, learnt.get_parameter("adapter_scaling")!.item<float>());
    }
}
