using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What NEAT's network is given while training.</summary>
[TestClass]
public sealed class PeanutGradientTests : GoldenMethodTests
{
    [TestMethod]
    public void The_first_gradient_reaches_B_alone_and_that_of_A_is_the_slope()
    {
        var adapter = Make(new() { Rank = 3, Depth = 2, Function = "gelu" }, Layer(6, 4));
        var x = randn(2, 3, 6);
        adapter.call(x).sum().backward();
        foreach (var (name, parameter) in adapter.named_parameters())
        {
            Assert.AreEqual(name == "peanut_B", parameter.grad!.count_nonzero().item<long>() > 0, name);
        }

        Randomize(adapter);
        adapter.zero_grad();
        adapter.call(x).sum().backward();
        using var _ = no_grad();
        var a = Named(adapter)["peanut_A"];
        const double Step = 1e-2;
        a[0, 1].add_(Step);
        var up = adapter.call(x).sum().item<float>();
        a[0, 1].sub_(2 * Step);
        Assert.AreEqual((up - adapter.call(x).sum().item<float>()) / (2 * Step), a.grad![0, 1].item<float>(), 0.01 * Math.Max(1, Math.Abs(a.grad[0, 1].item<float>())));
    }

    [TestMethod]
    public void The_base_weight_gets_none_and_the_update_as_a_whole_gives_the_others_the_same()
    {
        var layer = Layer(6, 4);
        var gradients = new[] { false, true }.Select(whole =>
        {
            random.manual_seed(5);
            var part = Make(new() { Rank = 3, Depth = 1, Scaling = 2, Materializes = whole }, layer);
            Randomize(part);
            part.call(randn(2, 3, 6)).square().sum().backward();
            return Named(part).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Value.grad!).ToArray();
        }).ToArray();

        Assert.IsFalse(layer.Weight.Dense().requires_grad);
        Assert.IsNull(layer.Weight.Dense().grad);
        foreach (var (thin, other) in gradients[0].Zip(gradients[1]))
        {
            Golden.Close.Assert(thin, other, "gradient", 1e-5);
        }
    }

    [TestMethod]
    [DataRow(PeanutSide.Output)]
    [DataRow(PeanutSide.Input)]
    public void A_base_in_half_precision_is_read_in_full(PeanutSide side)
    {
        var options = new PeanutOptions { Rank = 3, Depth = 1, Side = side, Function = "tanh" };
        var half = new LinearLayer("block.0.query", 0, new DenseWeight(randn(4, 6).to(ScalarType.BFloat16)), null);
        var whole = new LinearLayer("block.0.query", 0, new DenseWeight(half.Weight.Dense().to(ScalarType.Float32)), null);
        var gradients = new[] { half, whole }.Select(layer =>
        {
            random.manual_seed(2);
            var part = Make(options, layer);
            Randomize(part);
            part.Delta().square().sum().backward();
            return part.parameters().Select(p => p.grad!).ToArray();
        }).ToArray();
        foreach (var (expected, actual) in gradients[1].Zip(gradients[0]))
        {
            Golden.Close.Assert(expected, actual, "gradient", 1e-5);
        }
    }

    private static LinearLayer Layer(long inputs, long outputs) => new("block.0.query", 0, new DenseWeight(randn(outputs, inputs)), randn(outputs));

    private static Peanut Make(PeanutOptions options, LinearLayer layer) => (Peanut)MethodCase.Parts(options, layer).Single();

    private static void Randomize(Peanut part)
    {
        using var _ = no_grad();
        foreach (var parameter in part.parameters())
        {
            nn.init.normal_(parameter, std: 0.5);
        }
    }
}
