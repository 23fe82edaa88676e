using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>LoftQ's start.</summary>
[TestClass]
public sealed class LoftQTests
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
    [DataRow(4)]
    [DataRow(8)]
    public void The_error_falls_with_the_iterations_and_is_below_that_of_rounding(int bits)
    {
        var weight = randn(64, 96);
        using var numbers = Nf4.Quantize(weight);
        var (codes, scales) = RowInt8.Quantize(weight);
        double[] errors =
        [
            (weight - (bits == 4 ? numbers.Dequantize() : RowInt8.Dequantize(codes, scales))).norm().item<float>(),
            .. new[] { 1, 2, 5 }.Select(iterations =>
            {
                var (rounded, start) = LoftQStart.Of("layer", weight, 8, new() { Bits = bits, Iterations = iterations });
                return (double)(weight - rounded - start.B.mm(start.A)).norm().item<float>();
            }),
        ];

        for (var k = 1; k < errors.Length; k++)
        {
            Assert.IsLessThan(errors[k - 1], errors[k], string.Join(", ", errors));
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void The_layer_computes_with_the_rounded_weight(bool dora)
    {
        var layer = new LinearLayer("query", 0, new DenseWeight(randn(6, 64).DetachFromDisposeScope()), randn(6).DetachFromDisposeScope());
        using var initialization = new Initialization(0);
        var options = new LoraOptions { Rank = 2, Alpha = 2, Start = LoraStart.LoftQ, UseDora = dora };
        var parts = options.CreateParts(new AdapterBuild([layer], initialization)).ToList();
        using var adapter = AdapterSet.Of("adapter", options, parts, 1);
        using var context = ForwardContext.Predicting(adapter);
        var x = randn(5, 64);
        using var numbers = Nf4.Quantize(layer.Weight.Dense());
        var rounded = numbers.Dequantize();
        var (u, values, vh) = linalg.svd(layer.Weight.Dense() - rounded, fullMatrices: false);
        var lost = (u.narrow(1, 0, 2) * values.narrow(0, 0, 2)).mm(vh.narrow(0, 0, 2));

        var expected = nn.functional.linear(x, rounded + lost, layer.Bias);
        Golden.Close.Assert(expected, layer.Forward(x, context).detach(), "the start");
        using (adapter.Merge())
        {
            using var bare = ForwardContext.Predicting();
            Golden.Close.Assert(expected, layer.Forward(x, bare), "merged");
        }

        var (plain, lost1) = AdapterConversion.ToLora(adapter, 2);
        var (whole, lost6) = AdapterConversion.ToLora(adapter, 6);
        Assert.IsGreaterThan(0.1, lost1.Single().RelativeError); // what rounding changes has no low rank
        using var converted = ForwardContext.Predicting(whole);
        Golden.Close.Assert(expected, layer.Forward(x, converted).detach(), "on the base as it is");
        plain.Dispose();
        whole.Dispose();

        var kept = adapter.Parameters().Select(p => p.FileName).ToArray();
        Assert.HasCount(dora ? 3 : 2, kept, "the rounded weight is no part of the file");
        Assert.AreEqual((2 * (6 + 64)) + (dora ? 6 : 0), adapter.TrainableCount);
    }

    [TestMethod]
    public void What_does_not_fit_is_refused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new LoraOptions { LoftQ = new() { Bits = 2 } }.Validate());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new LoraOptions { LoftQ = new() { Iterations = 0 } }.Validate());
        using var initialization = new Initialization(0);
        var layer = new LinearLayer("query", 0, new DenseWeight(randn(6, 64).DetachFromDisposeScope()), null);
        var error = Assert.ThrowsExactly<PeftException>(
            () => new LoraOptions { Start = LoraStart.LoftQ }.CreateParts(new AdapterBuild([layer], initialization)).ToList());
        StringAssert.Contains(error.Message, "has 6; r is 8");
    }

    [TestMethod]
    public void Its_factors_alone_are_not_combined()
    {
        using var adapter = StartInputs.Adapter(new() { Rank = 2, Start = LoraStart.LoftQ });
        using var other = StartInputs.Adapter(new() { Rank = 2, Start = LoraStart.LoftQ });
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => AdapterCombination.Combine([adapter, other], [1, 1], "both")).Message, "LoftQ");
    }
}
