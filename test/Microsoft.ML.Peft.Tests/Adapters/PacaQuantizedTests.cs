using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Quantization;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>PaCA on a base of 4 bits, which is never rewritten while it is trained.</summary>
[TestClass]
public sealed class PacaQuantizedTests
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
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.BFloat16)]
    public void It_starts_as_the_quantised_base_to_the_last_bit(ScalarType type)
    {
        var (layer, x) = (Layer(type), randn(5, 70).to(type));
        var adapter = Make(new() { Rank = 4, Alpha = 8 }, layer); // s is a power of two
        using var context = ForwardContext.Predicting();

        Assert.IsTrue((layer.Weight.Multiply(x, null) + layer.Bias!).bytes.SequenceEqual(layer.Forward(x, context).bytes));
        Assert.IsTrue(layer.Forward(x, context).bytes.SequenceEqual(adapter.call(x).bytes));
        Golden.Close.Assert(nn.functional.linear(x, layer.Weight.Dense(), layer.Bias).to(ScalarType.Float32), adapter.call(x).to(ScalarType.Float32), "dense", type == ScalarType.Float32 ? 1e-5 : 1e-2);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void It_learns_what_it_learns_on_the_dense_matrix_and_the_codes_stay(bool written)
    {
        var (layer, x, target) = (Layer(), randn(2, 3, 70), randn(2, 3, 5));
        var codes = layer.Weight.Stored.clone();
        var (options, dense) = (new PacaOptions { Rank = 4, Alpha = 6, WritesThrough = written }, new LinearLayer("block.0.query", 0, new DenseWeight(layer.Weight.Dense()), layer.Bias));
        var (quantised, plain) = (Make(options, layer), Make(options with { WritesThrough = false }, dense));
        using var set = AdapterSet.Of("x", options, [quantised], 1);
        using var training = ((AdapterOptions)options).CreateTraining(set);
        using var first = optim.AdamW(quantised.parameters(), lr: 0.1, weight_decay: 0);
        using var second = optim.AdamW(plain.parameters(), lr: 0.1, weight_decay: 0);
        for (var step = 0; step < 5; step++)
        {
            var (a, b) = (Step(first, quantised), Step(second, plain));
            training?.AfterStep(new(step, 5, 0.1));
            Golden.Close.Assert(b, a, "gradient of the input", 1e-4);
            Golden.Close.Assert(plain.call(x), quantised.call(x), "output", 1e-4);
        }

        Assert.IsTrue(codes.bytes.SequenceEqual(layer.Weight.Stored.bytes));

        Tensor Step(optim.Optimizer optimizer, Paca adapter)
        {
            optimizer.zero_grad();
            var input = x.clone().requires_grad_();
            (adapter.call(input) - target).square().mean().backward();
            optimizer.step();
            return input.grad!;
        }
    }

    [TestMethod]
    public void The_backward_pass_keeps_neither_the_input_nor_a_dense_weight()
    {
        var (layer, cotangent) = (Layer(), randn(3, 5));
        var adapter = Make(new() { Rank = 4, Alpha = 6 }, layer);
        var expected = Gradient(x => (adapter.call(x), null));
        Golden.Close.Assert(expected, Gradient(x => (adapter.call(x), x)), "with columns");
        Golden.Close.Assert(Gradient(x => (nn.functional.linear(x, layer.Weight.Dense()), null)), Gradient(x => (layer.Weight.Multiply(x, null), x)), "without");

        Tensor Gradient(Func<Tensor, (Tensor Output, Tensor? Overwritten)> pass)
        {
            var x = arange(210, ScalarType.Float32).view(3, 70).sin().requires_grad_();
            var (y, overwritten) = pass(x * 1);
            using (no_grad())
            {
                overwritten?.fill_(double.NaN); // whoever has kept it fails or gives NaN
            }

            (y * cotangent).sum().backward();
            return x.grad!;
        }
    }

    [TestMethod]
    public void Merging_requantises_within_a_step_and_undoing_it_gives_the_codes_back()
    {
        var layer = Layer();
        var (codes, before) = (layer.Weight.Stored.clone(), layer.Weight.Dense());
        var adapter = Make(new() { Rank = 4, Alpha = 6 }, layer);
        using (no_grad())
        {
            nn.init.normal_(adapter.get_parameter("paca_P")!);
        }

        var wanted = adapter.Materialize(before);
        using (new MergedWeights([adapter], safe: true))
        {
            var scales = wanted.reshape(-1).split(Nf4.BlockSize).Select(block => block.abs().max().expand(block.size(0))).ToArray();
            var errors = (layer.Weight.Dense() - wanted).abs().view(-1) / cat(scales);
            Assert.IsLessThanOrEqualTo(0.1520f, errors.max().item<float>()); // half of the widest gap, from −1 to −0.696
            Assert.IsGreaterThan(0.01f, errors.max().item<float>());
        }

        Assert.IsTrue(codes.bytes.SequenceEqual(layer.Weight.Stored.bytes));
        Assert.IsTrue(before.bytes.SequenceEqual(layer.Weight.Dense().bytes));
    }

    [TestMethod]
    public void A_weight_of_the_callers_own_can_be_quantised()
    {
        var weight = randn(5, 70);
        using var set = AdapterSet.ForWeights(new PacaOptions { Rank = 4 }, [new LinearWeight("block.0.query", weight) { IsQuantized = true }], 1);
        var adapter = (Paca)set.Adapters.Single();
        using var quantised = Nf4.Quantize(weight);

        Assert.AreEqual(ScalarType.Byte, adapter.Layer.Weight.Stored.dtype);
        Golden.Close.Assert(nn.functional.linear(ones(2, 70), quantised.Dequantize()), adapter.call(ones(2, 70)), "output");
        Assert.AreEqual(ScalarType.Float32, adapter.Written().Single(w => w.Parameter == "paca_P").Tensor.dtype);
    }

    private static Paca Make(PacaOptions options, LinearLayer layer) => (Paca)MethodCase.Parts(options, layer).Single();

    private static LinearLayer Layer(ScalarType type = ScalarType.Float32) => new("block.0.query", 0, new Nf4Weight(randn(5, 70).to(type)), randn(5).to(type));
}
