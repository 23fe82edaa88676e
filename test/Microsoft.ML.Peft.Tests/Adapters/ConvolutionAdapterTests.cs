using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Methods other than LoRA on convolutions: their updates by hand-made sums.</summary>
[TestClass]
public sealed class ConvolutionAdapterTests
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
    [DataRow(false)]
    [DataRow(true)]
    public void LoHa_multiplies_two_products_in_groups_too(bool factorsKernel)
    {
        var layer = new Conv1dLayer("conv", 0, randn(6, 2, 3), randn(6), new ConvShape(3, 1, 1, 2));
        var (part, p) = Made(layer, new LoHaOptions { Rank = 2, Alpha = 6, FactorsKernel = factorsKernel });
        CollectionAssert.AreEqual(factorsKernel ? new long[] { 2, 6 } : [6, 2], p["hada_w1_a"].shape);
        CollectionAssert.AreEqual(factorsKernel ? new long[] { 2, 2 } : [2, 6], p["hada_w2_b"].shape);
        var expected = zeros(6, 2, 3);
        foreach (var (o, c, k) in Places(6, 2, 3))
        {
            expected[o, c, k] = 3 * Product("hada_w1_a", "hada_w1_b", "hada_t1") * Product("hada_w2_a", "hada_w2_b", "hada_t2");

            Tensor Product(string a, string b, string t)
            {
                var sum = zeros(1);
                for (var i = 0; i < 2; i++)
                {
                    for (var j = 0; factorsKernel && j < 2; j++)
                    {
                        sum = sum + (p[t][i, j, k, 0] * p[a][i, o] * p[b][j, c]);
                    }

                    sum = factorsKernel ? sum : sum + (p[a][o, i] * p[b][i, (c * 3) + k]);
                }

                return sum.squeeze();
            }
        }

        AssertUpdate(layer, part, expected);
    }

    [TestMethod]
    [DataRow(4, false, "lokr_w2")]
    [DataRow(1, false, "lokr_w2_a")]
    [DataRow(1, true, "lokr_t2")]
    public void LoKr_multiplies_channels_and_places(int rank, bool factorsKernel, string named)
    {
        var layer = Patches(6, 4, 2, 3); // 6 = 2·3, 4 = 2·2
        var (part, p) = Made(layer, new LoKrOptions { Rank = rank, Alpha = 5 * rank, FactorsKernel = factorsKernel });
        Assert.IsTrue(p.ContainsKey(named), string.Join(", ", p.Keys));
        var expected = zeros(6, 4, 2, 3);
        for (var h = 0; h < 2; h++)
        {
            foreach (var (o, c, w) in Places(6, 4, 3))
            {
                var (k, n) = (o % 3, c % 2);
                var second = named switch
                {
                    "lokr_w2" => p["lokr_w2"][k, n, h, w],
                    "lokr_w2_a" => p["lokr_w2_a"][k, 0] * p["lokr_w2_b"][0, (n * 6) + (h * 3) + w],
                    _ => p["lokr_t2"][0, 0, h, w] * p["lokr_w2_a"][0, k] * p["lokr_w2_b"][0, n],
                };
                expected[o, c, h, w] = 5 * p["lokr_w1"][o / 3, c / 2] * second;
            }
        }

        AssertUpdate(layer, part, expected);
    }

    [TestMethod]
    public void A_whole_second_factor_of_one_dimension_lies_as_in_HF_PEFT()
    {
        var layer = new Conv1dLayer("conv", 0, randn(6, 4, 3), null, new ConvShape(3));
        var (part, p) = Made(layer, new LoKrOptions { Rank = 8, Alpha = 8 });
        CollectionAssert.AreEqual(new long[] { 3, 2, 3 }, p["lokr_w2"].shape);

        // torch.kron of (2, 2) and (3, 2, 3) is (3, 4, 6); it is read as (6, 4, 3).
        var product = zeros(3, 4, 6);
        foreach (var (a, b, c) in Places(3, 4, 6))
        {
            product[a, b, c] = p["lokr_w1"][b / 2, c / 3] * p["lokr_w2"][a, b % 2, c % 3];
        }

        AssertUpdate(layer, part, product.view(6, 4, 3));
    }

    [TestMethod]
    [DataRow("OFT")]
    [DataRow("BOFT")]
    [DataRow("HRA")]
    public void Filters_are_turned_as_the_rows_of_a_linear_layer(string method)
    {
        AdapterOptions options = method switch
        {
            "OFT" => new OftOptions { BlockSize = 6, UsesSeries = false },
            "BOFT" => new BoftOptions { BlockSize = 6, Factors = 2 },
            _ => new HraOptions { Rank = 2 },
        };
        var layer = Patches(5, 4, 2, 3); // filters of 24
        var (part, p) = Made(layer, options);
        var linear = new LinearLayer("conv", 0, new DenseWeight(layer.FrozenWeight!.flatten(1).clone()), null);
        var (same, q) = Made(linear, options);
        using (no_grad())
        {
            foreach (var (name, values) in q)
            {
                values.copy_(p["filters." + name].view(values.shape));
            }
        }

        var turned = part.Materialize(layer.FrozenWeight!);
        Golden.Close.Assert(same.Materialize(linear.FrozenWeight).detach(), turned.flatten(1).detach(), method);
        Assert.IsFalse(turned.allclose(layer.FrozenWeight!, atol: 0.01));
        if (method == "BOFT")
        {
            CollectionAssert.AreEqual(new long[] { 1, 5 }, p["filters.boft_s"].shape); // a row, as HF PEFT has it for convolutions
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void IA3_scales_channels(bool input)
    {
        var layer = new Conv1dLayer("conv", 0, randn(6, 2, 3), randn(6), new ConvShape(3, 1, 0, 2));
        var (part, p) = Made(layer, new Ia3Options { TargetModules = (string[])["conv"], FeedForwardModules = input ? (string[])["conv"] : [] });
        var factors = p["ia3_l"].detach();
        CollectionAssert.AreEqual(new long[] { 1, input ? 4 : 6, 1 }, factors.shape);
        var x = randn(2, 4, 9);
        var expected = input ? Plain(layer, x * factors) : Plain(layer, x) * factors;

        using var merged = new MergedWeights([part]);
        Golden.Close.Assert(expected, Plain(layer, x), "merged");
    }

    [TestMethod]
    public void HiRA_multiplies_the_weight_by_a_product()
    {
        var layer = Patches(5, 4, 2, 3);
        var (part, p) = Made(layer, new HiraOptions { Rank = 2 });
        CollectionAssert.AreEqual(new long[] { 2, 4, 2, 3 }, p["hira_A"].shape);
        CollectionAssert.AreEqual(new long[] { 5, 2, 1, 1 }, p["hira_B"].shape);
        AssertUpdate(layer, part, layer.FrozenWeight! * einsum("orxy,rchw->ochw", p["hira_B"], p["hira_A"]));
    }

    [TestMethod]
    [DataRow("LOHA")]
    [DataRow("LOKR")]
    public void Channels_or_the_whole_update_are_dropped_while_training(string method)
    {
        var layer = Patches(200, 3, 2, 2);
        LycorisOptions options = method == "LOHA" ? new LoHaOptions { Rank = 2, RankDropout = 0.5 } : new LoKrOptions { Rank = 200, RankDropout = 0.5 };
        var (part, _) = Made(layer, options);
        var update = part.Materialize(layer.FrozenWeight!) - layer.FrozenWeight!;
        using var generator = new Generator(3);
        using var training = ForwardContext.TrainingWith(generator);

        var dropped = (part.Materialize(layer.FrozenWeight!, training) - layer.FrozenWeight!).detach();
        var kept = dropped.flatten(1).abs().sum(1).gt(1e-4);
        Assert.IsTrue(kept.sum().item<long>() is > 60 and < 140);
        var factor = method == "LOHA" ? 200.0 / kept.sum().item<long>() : 1; // LoKr does not rescale unless asked
        Golden.Close.Assert(update.detach()[kept] * factor, dropped[kept], method);

        var (never, _) = Made(layer, options with { RankDropout = 0, ModuleDropout = 0.99 });
        Assert.AreSame(layer.FrozenWeight, never.Materialize(layer.FrozenWeight!, training));
    }

    [TestMethod]
    public void What_a_method_cannot_is_said()
    {
        var groups = new Conv1dLayer("conv", 0, randn(6, 2, 3), null, new ConvShape(3, 1, 0, 2));
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => Made(groups, new HiraOptions { Rank = 1 })).Message, "'conv' is a convolution in 2 groups");
        StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => Made(Patches(5, 4, 2, 3), new HiraOptions { Rank = 1, Dropout = 0.1 })).Message, "HiRA has no dropout here");
        Assert.IsFalse(new OftOptions().Adapts(groups));
        Assert.IsFalse(new C3aOptions().Adapts(groups));
    }

    private static PatchLayer Patches(long outputs, long channels, long height, long width)
        => new("conv", 0, randn(outputs, channels, height, width), randn(outputs), (height, width), (height, width));

    // A part with random numbers, and what it trains.
    private static (LayerAdapter Part, Dictionary<string, Parameter> Parameters) Made(Layer layer, AdapterOptions options)
    {
        using var initialization = new Initialization(3);
        var part = (LayerAdapter)options.CreateParts(new AdapterBuild([layer], initialization)).Single();
        var start = part.Materialize(layer.FrozenWeight!);
        Golden.Close.Assert(layer.FrozenWeight!, start.detach(), "the start");
        using var _ = no_grad();
        foreach (var parameter in part.parameters())
        {
            nn.init.normal_(parameter);
        }

        return (part, part.named_parameters().ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal));
    }

    private static void AssertUpdate(Layer layer, LayerAdapter part, Tensor expected)
        => Golden.Close.Assert((layer.FrozenWeight! + expected).detach(), part.Materialize(layer.FrozenWeight!).detach(), part.GetType().Name);

    private static Tensor Plain(Conv1dLayer layer, Tensor x)
    {
        using var context = ForwardContext.Predicting();
        return layer.Forward(x, context);
    }

    private static IEnumerable<(int First, int Second, int Third)> Places(int first, int second, int third)
        => from a in Enumerable.Range(0, first) from b in Enumerable.Range(0, second) from c in Enumerable.Range(0, third) select (a, b, c);
}
