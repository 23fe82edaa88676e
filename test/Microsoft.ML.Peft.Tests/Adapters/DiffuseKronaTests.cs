using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What DiffuseKronA owes, its product and its start.</summary>
[TestClass]
public sealed class DiffuseKronaTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new DiffuseKronaOptions { A1 = 2, A2 = 3, Scaling = 0.5 };

    protected override long TrainedNumbers(long inputs, long outputs) => 6 + (inputs / 3 * (outputs / 2));

    [TestMethod]
    [DataRow(3, 2, KronaLayout.Kron)]
    [DataRow(6, 1, KronaLayout.Kron)]
    [DataRow(1, 8, KronaLayout.Kron)]
    [DataRow(4, 4, KronaLayout.Shuffled)]
    [DataRow(12, 8, KronaLayout.Shuffled)]
    public void The_product_is_Kroneckers_in_either_order(int a1, int a2, KronaLayout layout)
    {
        var layer = Layer(8, 12);
        var adapter = Made(layer, new() { A1 = a1, A2 = a2, Scaling = 3, Layout = layout });
        Randomize(adapter);
        var (b1, b2) = (12 / a1, 8 / a2);
        var expected = zeros(12, 8);
        for (var row = 0; row < 12; row++)
        {
            for (var column = 0; column < 8; column++)
            {
                var place = layout == KronaLayout.Kron ? row : (row % b1 * a1) + (row / b1);
                expected[place, column] = 3 * adapter.A[row / b1, column / b2] * adapter.B[row % b1, column % b2];
            }
        }

        AssertClose(expected, adapter.Delta());
        foreach (var x in new[] { randn(5, 8), randn(2, 3, 8), randn(2, 3, 2, 8) })
        {
            AssertClose(Base(layer, x) + nn.functional.linear(x, expected), adapter.call(x));
        }
    }

    [TestMethod]
    [DataRow(2, 3)]
    [DataRow(4, 4)]
    public void The_rank_is_the_product_of_the_factors_ranks(int rankOfA, int rankOfB)
    {
        var adapter = Made(Layer(16, 16), new() { A1 = 4, A2 = 4 });
        using (no_grad())
        {
            Parameter(adapter, "krona_A").copy_(randn(4, rankOfA).mm(randn(rankOfA, 4)));
            Parameter(adapter, "krona_B").copy_(randn(4, rankOfB).mm(randn(rankOfB, 4)));
        }

        Assert.AreEqual(rankOfA * rankOfB, linalg.svdvals(adapter.Delta()).gt(1e-4).sum().item<long>());
    }

    [TestMethod]
    [DataRow(KronaLayout.Kron)]
    [DataRow(KronaLayout.Shuffled)]
    public void It_starts_as_the_base_to_the_last_bit(KronaLayout layout)
    {
        var (layer, x) = (Layer(), Input());
        var adapter = Made(layer, new() { A1 = 2, A2 = 3, Layout = layout });
        Assert.IsTrue(Base(layer, x).eq(adapter.call(x)).all().item<bool>());
        Assert.AreEqual(0, adapter.Delta().count_nonzero().item<long>());
    }

    [TestMethod]
    public void A_training_pass_can_drop_rows_of_the_update_or_all_of_it()
    {
        var (layer, x) = (Layer(8, 12), randn(20, 8));
        var rows = Trained(new() { A1 = 4, A2 = 2, RankDropout = 0.5 });
        var part = rows.abs().gt(1e-6).to(ScalarType.Float32).mean([0L]); // an output is dropped for every input, or for none
        Assert.AreEqual(0, part.gt(0.01).logical_and(part.lt(0.99)).sum().item<long>());
        Assert.IsTrue(part.gt(0.5).sum().item<long>() is > 0 and < 12);
        Assert.AreEqual(0, Trained(new() { A1 = 4, A2 = 2, ModuleDropout = 0.99 }).count_nonzero().item<long>());

        Tensor Trained(DiffuseKronaOptions options)
        {
            var adapter = Made(layer, options);
            Randomize(adapter);
            adapter.train();
            return (adapter.call(x) - Base(layer, x)).detach();
        }
    }

    [TestMethod]
    public void Beside_a_base_in_BFloat16_the_factors_keep_their_precision()
    {
        var adapter = Made(Layer(ScalarType.BFloat16), new() { A1 = 2, A2 = 3 });
        Assert.IsTrue(adapter.parameters().All(p => p.dtype == ScalarType.Float32));
        Assert.AreEqual(ScalarType.BFloat16, adapter.call(Input().to(ScalarType.BFloat16)).dtype);
    }

    [TestMethod]
    public void The_first_step_moves_B_alone_which_has_no_decay()
    {
        var adapter = Made(Layer(), new() { A1 = 2, A2 = 3 });
        adapter.call(Input()).square().sum().backward();

        Assert.AreEqual(0, Parameter(adapter, "krona_A").grad!.count_nonzero().item<long>());
        Assert.AreNotEqual(0, Parameter(adapter, "krona_B").grad!.count_nonzero().item<long>());
        Assert.IsTrue(adapter.GroupOf("krona_A").Decays);
        Assert.IsFalse(adapter.GroupOf("krona_B").Decays);
    }

    [TestMethod]
    public void A_starts_with_the_deviation_of_the_code()
        => Assert.AreEqual(1.0 / 64, Made(Layer(512, 64), new() { A1 = 64, A2 = 256 }).A.std().item<float>(), 0.0005);

    private DiffuseKrona Made(LinearLayer layer, DiffuseKronaOptions options)
    {
        using var initialization = new Initialization(3);
        var adapter = new DiffuseKrona(layer, options, new AdapterBuild([layer], initialization));
        adapter.eval();
        return adapter;
    }
}
