using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>The random matrices that RandLoRA's layers share.</summary>
[TestClass]
public sealed class RandLoraBasesTests : GoldenMethodTests
{
    [TestMethod]
    [DataRow(true, false, 2.0 / 3)]
    [DataRow(false, true, 0.9)] // 1 − 1/√100
    public void Sparse_matrices_have_three_values_and_deviation_1(bool sparse, bool verySparse, double zeros)
    {
        using var initialization = new Initialization(0);
        var options = new RandLoraOptions { Rank = 20, Sparse = sparse, VerySparse = verySparse };
        var shared = (SharedProjections)options.CreateParts(new AdapterBuild([Layer(100, 120)], initialization)).First();

        foreach (var matrix in (Tensor[])[shared.A, shared.B])
        {
            Assert.AreEqual(3, matrix.unique().output.numel());
            Assert.AreEqual(1, matrix.std().item<float>(), 1e-3);
            Assert.AreEqual(zeros, matrix.eq(0).to(ScalarType.Float32).mean().item<float>(), 0.02);
        }
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
        var layer = Layer(6, 4);
        var (whole, half) = (Made(null), Made(ScalarType.BFloat16));

        Assert.AreEqual(ScalarType.BFloat16, Named(half)["randlora_B"].dtype);
        Assert.AreEqual(ScalarType.Float32, half.Delta().dtype);
        var x = randn(2, 3, 6);
        Assert.IsTrue(whole.call(x).allclose(half.call(x), rtol: 0.02, atol: 0.05));
        Golden.Close.Assert(half.call(x) - nn.functional.linear(x, half.Layer.Weight.Dense(), half.Layer.Bias), nn.functional.linear(x, half.Delta()), "thin form");
        Assert.IsFalse(new RandLoraOptions().ToJson().Contains("projection_dtype", StringComparison.Ordinal)); // HF PEFT does not know it
        Assert.ThrowsExactly<ArgumentException>(() => new RandLoraOptions { ProjectionType = ScalarType.Int64 }.Validate());

        RandLora Made(ScalarType? type)
        {
            random.manual_seed(1);
            var options = new RandLoraOptions { Rank = 2, Alpha = 2, ProjectionType = type };
            options = (RandLoraOptions)AdapterOptions.FromJson(options.ToJson(), "test");
            var part = (RandLora)options.CreateParts(new AdapterBuild([layer], initialization)).Last();
            part.eval();
            using var _ = no_grad();
            foreach (var parameter in part.parameters().Where(p => p.requires_grad))
            {
                nn.init.normal_(parameter);
            }

            return part;
        }
    }

    private static LinearLayer Layer(long inputs, long outputs) => new("query", 0, new DenseWeight(randn(outputs, inputs)), randn(outputs));
}
