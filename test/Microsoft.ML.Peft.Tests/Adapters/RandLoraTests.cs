using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class RandLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new RandLoraOptions { Rank = 2, Alpha = 2 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(2, inputs, outputs);

    // Keeps the three factors and no product; the plain formula keeps every product.
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
        Randomize(adapter);
        var (lambda, gamma) = (Parameter(adapter, "randlora_lambda"), Parameter(adapter, "randlora_gamma"));
        var (x, cotangent) = (randn(3, inputs), randn(3, outputs));
        (adapter.call(x) * cotangent).sum().backward();
        var (ours, oursOfGamma) = (lambda.grad!.clone(), gamma.grad!.clone());
        adapter.zero_grad();

        var products = lambda.size(1);
        var delta = zeros(Math.Max(inputs, outputs), Math.Min(inputs, outputs));
        for (var t = 0; t < 2 * products; t++)
        {
            var row = shared.A[t / products, 0] * lambda[t / products, t % products] * gamma[t % products]; // k·n + i
            delta = delta + shared.B.flatten(1).select(1, t).outer(row);                                    // i·r + k
        }

        delta = inputs <= outputs ? delta : delta.t();
        AssertClose(delta, adapter.Delta());
        ((Base(layer, x) + nn.functional.linear(x, delta)) * cotangent).sum().backward();
        AssertClose(lambda.grad!, ours);
        AssertClose(gamma.grad!, oursOfGamma);
    }

    [TestMethod]
    [DataRow(20, 20)]
    [DataRow(100, 20)]
    [DataRow(10, 31)] // 4 does not divide 10
    public void The_update_has_full_rank(int inputs, int outputs)
    {
        using var initialization = new Initialization(0);
        var adapter = (RandLora)new RandLoraOptions { Rank = 4 }.CreateParts(new AdapterBuild([Layer(inputs, outputs)], initialization)).Last();
        Randomize(adapter);

        Assert.AreEqual(Math.Min(inputs, outputs), linalg.matrix_rank(adapter.Delta()).item<long>());
    }

    [TestMethod]
    public void The_first_gradient_reaches_lambda_and_is_zero_for_gamma()
    {
        var adapter = Wrap(Layer());
        adapter.call(Input()).sum().backward();

        Assert.AreEqual(0, Parameter(adapter, "randlora_gamma").grad!.count_nonzero().item<long>());
        Assert.IsGreaterThan(0, Parameter(adapter, "randlora_lambda").grad!.count_nonzero().item<long>());
        Assert.IsFalse(Parameter(adapter, "randlora_A").requires_grad);
    }

    [TestMethod]
    [DataRow(true, false, 2.0 / 3)]
    [DataRow(false, true, 0.9)] // 1 − 1/√100
    public void Sparse_matrices_have_three_values_and_deviation_1(bool sparse, bool verySparse, double zeros)
    {
        using var initialization = new Initialization(0);
        var options = new RandLoraOptions { Rank = 20, Sparse = sparse, VerySparse = verySparse };
        var shared = (SharedProjections)options.CreateParts(new AdapterBuild([Layer(100, 120)], initialization)).First();

        Assert.AreEqual(3, shared.B.unique().output.numel());
        Assert.AreEqual(1, shared.B.std().item<float>(), 1e-3);
        Assert.AreEqual(zeros, shared.B.eq(0).to(ScalarType.Float32).mean().item<float>(), 0.02);
    }

    [TestMethod]
    public void Layers_share_matrices_of_the_widest_which_the_seed_decides()
    {
        var layers = new[] { Layer(100, 20), Layer(80, 50) };
        var (a, b) = (Shared(0), Shared(0));

        CollectionAssert.AreEqual(new long[] { 4, 1, 50 }, a.A.shape);
        CollectionAssert.AreEqual(new long[] { 100, 13, 4 }, a.B.shape); // ⌈50/4⌉ products
        Assert.IsTrue(a.A.bytes.SequenceEqual(b.A.bytes) && a.B.bytes.SequenceEqual(b.B.bytes));
        Assert.IsFalse(a.A.bytes.SequenceEqual(Shared(1).A.bytes));

        SharedProjections Shared(int key)
        {
            using var initialization = new Initialization(key + 7); // another seed of everything else
            return (SharedProjections)new RandLoraOptions { Rank = 4, ProjectionKey = key }.CreateParts(new AdapterBuild(layers, initialization)).First();
        }
    }

    [TestMethod]
    public void Matrices_of_half_the_size_give_about_the_same()
    {
        using var initialization = new Initialization(0);
        var (whole, half) = (Made(null), Made(ScalarType.BFloat16));

        Assert.AreEqual(ScalarType.BFloat16, Parameter(half, "randlora_B").dtype);
        Assert.AreEqual(ScalarType.Float32, half.Delta().dtype);
        var x = Input();
        Assert.IsTrue(whole.call(x).allclose(half.call(x), rtol: 0.02, atol: 0.05));
        AssertClose(half.call(x) - Base(half.Layer, x), nn.functional.linear(x, half.Delta()));
        Assert.IsFalse(new RandLoraOptions().ToJson().Contains("projection_dtype", StringComparison.Ordinal)); // HF PEFT does not know it
        Assert.ThrowsExactly<ArgumentException>(() => new RandLoraOptions { ProjectionType = ScalarType.Int64 }.Validate());

        RandLora Made(ScalarType? type)
        {
            random.manual_seed(1);
            var options = new RandLoraOptions { Rank = 2, Alpha = 2, ProjectionType = type };
            options = (RandLoraOptions)AdapterOptions.FromJson(options.ToJson(), "test");
            var part = (RandLora)options.CreateParts(new AdapterBuild([Layer()], initialization)).Last();
            part.eval();
            Randomize(part);
            return part;
        }
    }

    [TestMethod]
    public void Published_counts_are_met_and_a_smaller_rank_trains_more()
    {
        Assert.AreEqual(9_289_728, 28 * (Count(32, 3072, 3072) + Count(32, 3072, 1024)));
        Assert.AreEqual(718_848, 72 * Count(64, 768, 768));
        Assert.AreEqual((297_984, 33_792), (Count(32, 3072, 3072), Count(32, 3072, 1024)));
        Assert.IsGreaterThan(Count(32, 768, 768), Count(16, 768, 768));
    }

    private static long Count(long rank, long inputs, long outputs)
    {
        var bases = (Math.Min(inputs, outputs) + rank - 1) / rank;
        return (rank * bases) + (bases * Math.Min(inputs, outputs));
    }
}
