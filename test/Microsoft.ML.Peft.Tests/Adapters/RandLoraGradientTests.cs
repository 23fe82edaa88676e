using System.Globalization;
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

    // The matrix Ū is as large as the weight; the plain formula keeps it, or a factor of it, for each layer. Blocks above 32 MiB come from the system and go back to it at once,
    // so that resident memory is what is held.
    [TestMethod]
    public void Nothing_of_the_size_of_the_weight_is_kept_for_the_backward_pass()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Inconclusive("Resident memory is read from /proc.");
        }

        const int Width = 3072;
        const int Count = 2;
        var layers = Enumerable.Range(0, Count).Select(k => new LinearLayer($"{k}.query", k, new DenseWeight(zeros(1, 1).expand(Width, Width)), null)).ToArray();
        var parts = MethodCase.Parts(new RandLoraOptions { Rank = 64 }, layers);
        var (shared, adapters) = ((SharedProjections)parts[0], parts.OfType<RandLora>().ToArray());
        Kept(Ours); // what is made once stays
        var ours = Enumerable.Range(0, 3).Min(_ => Kept(Ours)); // of three: meanwhile the runtime may take or give back memory of its own
        var plain = Enumerable.Range(0, 3).Max(_ => Kept(Plain));

        const double Weight = Width * Width * 4 / 1048576.0;
        Assert.IsGreaterThan(0.9 * Count * Weight, plain, $"the plain formula keeps {plain} MiB");
        Assert.IsLessThan(0.5 * Weight, ours, $"{ours} MiB are kept, by the plain formula {plain}");

        static Tensor Ours(Tensor x, RandLora part) => part.call(x);

        Tensor Plain(Tensor x, RandLora part)
        {
            var (mixed, b) = RandLoraProduct.Factors(shared.A, shared.B, Named(part)["randlora_lambda"], Named(part)["randlora_gamma"], Width, Width);
            return x.mm(mixed.t()).mm(b.t());
        }

        double Kept(Func<Tensor, RandLora, Tensor> layer)
        {
            using var all = NewDisposeScope();
            var y = randn(16, Width).requires_grad_(true);
            var before = Resident();
            foreach (var part in adapters)
            {
                using var scope = NewDisposeScope();
                y = layer(y, part).div(Width).MoveToOuterDisposeScope();
            }

            return Resident() - before;
        }
    }

    private static double Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return double.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    private static LinearLayer Layer(long inputs, long outputs) => new("query", 0, new DenseWeight(randn(outputs, inputs)), randn(outputs));
}
