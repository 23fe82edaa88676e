using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>The two gradients of LoHa's kernels; HF PEFT's is compared with what it recorded in the golden cases.</summary>
[TestClass]
public sealed class LoHaGradientTests
{
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void The_exact_gradient_is_the_slope_and_the_default_one_is_not(bool exact)
    {
        using var scope = NewDisposeScope();
        using var initialization = new Initialization(3);
        var layer = new Conv1dLayer("conv", 0, randn([6, 4, 3], generator: new Generator(1)), null, new ConvShape(3));
        var options = new LoHaOptions { Rank = 2, FactorsKernel = true, StartsAsIdentity = false, ExactGradient = exact };
        using var part = new LoHaConvolution(layer, options, new AdapterBuild([layer], initialization));
        var factors = randn([6, 4, 3], generator: new Generator(2));
        Tensor Sum() => part.Delta().reshape(6, 4, 3).mul(factors).to(ScalarType.Float64).sum();

        Sum().backward();

        foreach (var (name, parameter) in part.named_parameters())
        {
            using var _ = no_grad();
            var direction = randn(parameter.shape, generator: new Generator(4));
            parameter.add_(direction, 1e-2);
            var above = Sum().item<double>();
            parameter.add_(direction, -2e-2);
            var slope = (above - Sum().item<double>()) / 2e-2; // exact but for rounding: the sum is linear in each factor
            parameter.add_(direction, 1e-2);
            var isSlope = Math.Abs((parameter.grad! * direction).sum().item<float>() - slope) < 1e-3 * Math.Max(1, Math.Abs(slope));
            Assert.AreEqual(exact || name is not ("hada_w1_a" or "hada_w2_a"), isSlope, name);
        }
    }
}
