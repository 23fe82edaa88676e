using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Layers;

/// <summary>The gradients of activation functions against differences of their values.</summary>
[TestClass]
public sealed class ActivationTests
{
    [TestMethod]
    [DataRow("gelu")]
    [DataRow("gelu_new")]
    [DataRow("quick_gelu")]
    [DataRow("silu")]
    [DataRow("tanh")]
    public void The_gradient_is_the_slope_whatever_the_layout(string name)
    {
        using var scope = NewDisposeScope();
        var function = Activation.Named(name);
        var x = randn([2, 16, 24], generator: new Generator(3));
        var slope = (function((x + 1e-2).to(ScalarType.Float64)) - function((x - 1e-2).to(ScalarType.Float64))) / 2e-2;
        Func<Tensor, Tensor>[] layouts = [y => y, y => y.transpose(1, 2), y => y.transpose(1, 2).reshape(48, 16), y => y.transpose(0, 2).contiguous(), y => y.narrow(2, 0, 24)];
        foreach (var layout in layouts)
        {
            var factors = randn(layout(x).shape, generator: new Generator(4));
            var (leaf, plain) = (x.clone().requires_grad_(true), ones_like(x).requires_grad_(true));

            (layout(function(leaf)) * factors).sum().backward();
            (layout(plain * 1) * factors).sum().backward(); // the factors in the layout of x

            var largest = (leaf.grad! - (slope * plain.grad!)).abs().max().item<double>();
            Assert.IsLessThan(1e-3, largest);
        }
    }
}
