using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class PsoftTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new PsoftOptions { Rank = 3 };

    protected override long TrainedNumbers(long inputs, long outputs) => 3 + (2 * 3);

    [TestMethod]
    public void The_directions_turn_by_the_angle_of_Cayley_and_are_scaled()
    {
        var layer = new LinearLayer("block.0.query", 0, new DenseWeight(diag(tensor([3f, 2f, 1f])).DetachFromDisposeScope()), null);
        var adapter = Made(layer, new() { Rank = 2, Alpha = 7 });
        Fill(adapter, "weight", 0.5);   // (I + Q)·(I − Q)⁻¹ of q = ½: cosine (1 − q²)/(1 + q²) = 0.6, sine 2·q/(1 + q²) = 0.8
        using (no_grad())
        {
            Parameter(adapter, "vector_b").copy_(tensor([2f, 1f]));
            Parameter(adapter, "vector_a").copy_(tensor([1f, 10f]));
        }

        // R = [[2·0.6, 2·10·0.8], [−0.8, 10·0.6]]; B·(R − I)·A has the rows times 3 and 2.
        AssertClose(tensor([0.6f, 48f, 0f, -1.6f, 10f, 0f, 0f, 0f, 0f]).view(3, 3), adapter.Delta());
    }

    [TestMethod]
    public void An_orthogonal_turn_keeps_every_singular_value()
    {
        var layer = Layer(7, 5);
        var adapter = Made(layer, new() { Rank = 3, ScalesRows = false, ScalesColumns = false });
        Randomize(adapter);
        var turned = adapter.Materialize(layer.FrozenWeight);

        AssertClose(linalg.svdvals(layer.FrozenWeight), linalg.svdvals(turned));
        Assert.IsFalse(layer.FrozenWeight.allclose(turned, atol: 0.1));
    }

    [TestMethod]
    public void The_series_comes_near_the_exact_turn_and_its_norm_can_be_limited()
    {
        var layer = Layer(8, 8);
        var (exact, series) = (Made(layer, new() { Rank = 4 }), Made(layer, new() { Rank = 4, UsesSeries = true, NeumannTerms = 40 }));
        var limited = Made(layer, new() { Rank = 4, UsesSeries = true, NormLimit = 0.5 });
        foreach (var adapter in new[] { exact, series, limited })
        {
            Fill(adapter, "weight", 0.1); // ‖Q‖ = 0.1·√12 = 0.35
        }

        AssertClose(exact.Delta(), series.Delta());
        Fill(limited, "weight", 10);
        var atLimit = limited.Delta();
        Fill(limited, "weight", 0.5 / Math.Sqrt(12));
        AssertClose(limited.Delta(), atLimit);
    }

    [TestMethod]
    public void A_free_inner_matrix_is_trained_whole_and_starts_as_the_identity()
    {
        var adapter = Made(Layer(), new() { Rank = 3, IsOrthogonal = false, ScalesRows = false, ScalesColumns = false });

        Assert.AreEqual(9, adapter.parameters().Sum(p => p.numel()));
        AssertClose(zeros(4, 6), adapter.Delta());
    }

    [TestMethod]
    [DataRow(PsoftFactors.Symmetric, PsoftDecomposition.Full)]
    [DataRow(PsoftFactors.Symmetric, PsoftDecomposition.LowRank)]
    [DataRow(PsoftFactors.Orthogonal, PsoftDecomposition.LowRank)]
    public void Without_a_turn_every_choice_of_factors_gives_the_weight_itself(PsoftFactors factors, PsoftDecomposition decomposition)
    {
        // R = 2·I: what is added is U_r·S_r·V_rᵀ, which is W where r is all there is.
        var layer = Layer();
        var adapter = Made(layer, new() { Rank = 4, Alpha = 8, Factors = factors, Decomposition = decomposition, ScalesColumns = false });
        Fill(adapter, "vector_b", 2);

        AssertClose(layer.FrozenWeight, adapter.Delta());
    }

    [TestMethod]
    public void A_rank_above_the_layer_is_refused()
        => Assert.AreEqual(
            "Rank is 5 and 'block.0.query' (4 × 6) has 4 singular directions; it can be at most that.",
            Assert.ThrowsExactly<PeftException>(() => Made(Layer(), new() { Rank = 5 })).Message);

    // Recorded from the gesdd of MKL in PyTorch 2.10: the sign of the largest number of each left vector.
    [TestMethod]
    [DataRow(6, 6, "-+--++")]
    [DataRow(9, 6, "-+--+-")]
    [DataRow(10, 6, "-++---")]
    [DataRow(30, 20, "++++---+--+++-++---+")]
    [DataRow(6, 8, "----++")]
    [DataRow(6, 12, "+-+-++")]
    [DataRow(6, 40, "++--++")]
    [DataRow(6, 130, "---++-")]
    [DataRow(20, 48, "---+-++--++-+-+-+---")]
    public void Singular_vectors_have_the_signs_of_PyTorch(int rows, int columns, string signs)
    {
        var (i, j) = (arange(rows, ScalarType.Float64).unsqueeze(1), arange(columns, ScalarType.Float64));
        var matrix = (1 + (i * i) + (3 * j) + (0.7 * i * j)).sin().to(ScalarType.Float32);

        var (u, s, vh) = SingularVectors.Of(matrix);

        AssertClose(matrix, (u * s).mm(vh));
        AssertClose(eye(u.size(1)), u.t().mm(u));
        AssertClose(eye(u.size(1)), vh.mm(vh.t()));
        var largest = u.gather(0, u.abs().argmax(0, true)).view(-1);
        Assert.AreEqual(signs, string.Concat(largest.data<float>().ToArray().Select(v => v > 0 ? '+' : '-')));
    }

    private Psoft Made(LinearLayer layer, PsoftOptions options)
    {
        using var initialization = new Initialization(3);
        return new Psoft(layer, options, new AdapterBuild([layer], initialization));
    }
}
