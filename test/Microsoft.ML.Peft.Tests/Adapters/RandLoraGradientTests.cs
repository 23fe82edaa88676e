using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What RandLoRA's own backward pass gives, and what is kept for it.</summary>
[TestClass]
public sealed class RandLoraGradientTests : GoldenMethodTests
{
    [TestMethod]
    [DataRow(6, 4)]
    [DataRow(5, 9)]
    public void The_gradients_are_those_of_the_plain_formula(int inputs, int outputs)
    {
        using var initialization = new Initialization(0);
        var layer = Layer(inputs, outputs);
        var parts = new RandLoraOptions { Rank = 2, Alpha = 2 }.CreateParts(new AdapterBuild([layer], initialization)).ToList();
        var (shared, adapter) = ((SharedProjections)parts[0], (RandLora)parts[1]);
        adapter.eval();
        using (no_grad())
        {
            nn.init.normal_(Named(adapter)["randlora_lambda"]);
            nn.init.normal_(Named(adapter)["randlora_gamma"]);
        }

        var (lambda, gamma) = (Named(adapter)["randlora_lambda"], Named(adapter)["randlora_gamma"]);
        var (x, cotangent) = (randn(3, inputs).requires_grad_(true), randn(3, outputs));
        (adapter.call(x) * cotangent).sum().backward();
        var ours = new[] { lambda, gamma, x }.Select(t => t.grad!.clone()).ToArray();
        adapter.zero_grad();
        x.grad!.zero_();

        var products = lambda.size(1);
        var delta = zeros(Math.Max(inputs, outputs), Math.Min(inputs, outputs));
        for (var t = 0; t < 2 * products; t++)
        {
            var row = shared.A[t / products, 0] * lambda[t / products, t % products] * gamma[t % products]; // k·n + i
            delta = delta + shared.B.flatten(1).select(1, t).outer(row);                                    // i·r + k
        }

        delta = inputs <= outputs ? delta : delta.t();
        Golden.Close.Assert(delta, adapter.Delta(), "update", 1e-6);
        (nn.functional.linear(x, layer.Weight.Dense() + delta, layer.Bias) * cotangent).sum().backward();
        foreach (var (tensor, actual) in new[] { lambda, gamma, x }.Zip(ours))
        {
            Golden.Close.Assert(tensor.grad!, actual, "gradient", 1e-6);
        }
    }

    // The matrix Ū is as large as the weight; the plain formula keeps it, or a factor of it, for each layer.
    [TestMethod]
    [DataRow(48, 64)]
    [DataRow(64, 48)]
    public void Of_a_layer_nothing_of_the_size_of_its_weight_is_kept_for_the_backward_pass(int inputs, int outputs)
    {
        var layer = new LinearLayer("0.query", 0, new DenseWeight(randn(outputs, inputs)), null);
        var parts = MethodCase.Parts(new RandLoraOptions { Rank = 16 }, [layer]);
        var (shared, adapter) = ((SharedProjections)parts[0], parts.OfType<RandLora>().Single());
        Tensor[] factors = [shared.A, shared.B, Named(adapter)["randlora_lambda"], Named(adapter)["randlora_gamma"]];
        var (mixed, right) = RandLoraProduct.Factors(factors[0], factors[1], factors[2], factors[3], inputs, outputs);
        Assert.AreEqual(48 * 48, mixed.numel());

        var x = randn(3, inputs);
        var input = inputs <= outputs ? x : x.mm(right);
        var kept = RandLoraProduct.Kept(input, factors);
        CollectionAssert.AreEqual(factors, kept.Skip(1).ToArray()); // themselves, no copies
        Assert.AreEqual(3 * 48, kept[0].numel());
    }

    private static LinearLayer Layer(long inputs, long outputs) => new("query", 0, new DenseWeight(randn(outputs, inputs)), randn(outputs));
}
