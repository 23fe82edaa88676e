using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class RandLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new RandLoraOptions { Rank = 2, Alpha = 2 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(2, inputs, outputs);

    public static IEnumerable<object[]> Cases => MethodCase.Cases("randlora");

    [TestMethod]
    [TestCategory("GoldenMethods")]
    [DynamicData(nameof(Cases))]
    public void The_authors_code_computes_the_same(string name)
    {
        using var golden = MethodCase.Load("randlora", name);
        var json = golden.Options;
        var recorded = golden.Names.ToDictionary(key => key, key => golden[key].clone());
        var shape = json.GetProperty("layer_shape");
        var bias = recorded.GetValueOrDefault("base.bias");
        var layer = new LinearLayer("layer", 0, new DenseWeight(recorded["base.weight"].DetachFromDisposeScope()), bias?.DetachFromDisposeScope());
        Assert.AreEqual(shape[0].GetInt64(), layer.OutFeatures);
        var options = new RandLoraOptions
        {
            Rank = json.GetProperty("r").GetInt32(),
            Alpha = json.GetProperty("randlora_alpha").GetDouble(),
            ScaleRule = RandLoraScale.Paper,
        };
        using var initialization = new Initialization(0);
        var shared = new SharedProjections("randlora", recorded["param.A"].clone(), recorded["param.B"].clone(), saved: true);
        using var adapter = new RandLora(layer, options, shared, new AdapterBuild([layer], initialization));
        adapter.eval();
        var (lambda, gamma) = (Parameter(adapter, "randlora_lambda"), Parameter(adapter, "randlora_gamma"));
        AssertClose(recorded["init.lambda"], lambda);
        AssertClose(recorded["init.gamma"], gamma);
        using (no_grad())
        {
            lambda.copy_(recorded["param.lambda"]);
            gamma.copy_(recorded["param.gamma"]);
        }

        var x = recorded["input"].requires_grad_();
        var y = adapter.call(x);
        (y * recorded["cotangent"]).sum().backward();

        AssertClose(recorded["output"], y);
        AssertClose(recorded["grad.input"], x.grad!);
        AssertClose(recorded["grad.lambda"], lambda.grad!);
        AssertClose(recorded["grad.gamma"], gamma.grad!);
        AssertClose(recorded["delta.weight"], adapter.Delta());
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
