using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>The factors that LoLDU makes of a weight.</summary>
[TestClass]
public sealed class LoLduFactorTests : GoldenMethodTests
{
    [TestMethod]
    [DataRow(6, 6)]
    [DataRow(9, 4)]
    [DataRow(4, 9)]
    public void The_start_is_the_base_layer_at_every_rank(int inputs, int outputs)
    {
        var (layer, x, most) = (Layer(inputs, outputs), randn(3, inputs), Math.Min(inputs, outputs));
        using var _ = no_grad();
        foreach (var rank in (int[])[1, most / 2, most])
        {
            var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = rank, Alpha = rank }, layer).Single();
            Golden.Close.Assert(Base(layer, x), adapter.call(x), $"rank {rank}", 1e-6);
            Assert.IsTrue(layer.Weight.Dense().bytes.SequenceEqual(adapter.Layer.Weight.Dense().bytes)); // the base stays as it is
        }
    }

    // Beside the factors of libtorch: P·L in the rows of P, U with a diagonal of ones.
    [TestMethod]
    [DataRow(6, 6)]
    [DataRow(9, 4)]
    [DataRow(4, 9)]
    public void The_factors_are_those_of_the_weight(int inputs, int outputs)
    {
        var (layer, rank) = (Layer(inputs, outputs), Math.Min(inputs, outputs));
        var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = rank, Alpha = rank }, layer).Single();
        var (a, b) = (Buffer(adapter, "factor_A"), Buffer(adapter, "factor_B"));
        using var _ = no_grad();
        var (p, l, u) = linalg.lu(layer.Weight.Dense().to(ScalarType.Float64));

        Assert.IsTrue(p.mm(p.t()).eq(eye(outputs)).all().item<bool>());
        var lower = p.t().to(ScalarType.Float32).mm(b); // the rows put back
        Golden.Close.Assert(l.to(ScalarType.Float32), lower, "L");
        Golden.Close.Assert(ones(rank), lower.diagonal(), "diagonal of L");
        Assert.AreEqual(0, lower.triu(1).count_nonzero().item<long>());
        Assert.IsLessThanOrEqualTo(1, lower.abs().max().item<float>()); // partial pivoting
        Golden.Close.Assert(ones(rank), a.diagonal(), "diagonal of U");
        Assert.AreEqual(0, a.tril(-1).count_nonzero().item<long>());
        Golden.Close.Assert(u.diagonal().to(ScalarType.Float32), Named(adapter)["vector_z"], "pivots in their order");
        Golden.Close.Assert(layer.Weight.Dense(), (b * Named(adapter)["vector_z"]).mm(a), "P·L·D·U", 1e-6);
    }

    [TestMethod]
    [DataRow(6, 6)]
    [DataRow(9, 4)]
    [DataRow(4, 9)]
    public void The_whole_diagonal_times_a_number_is_the_weight_times_it(int inputs, int outputs)
    {
        var (layer, rank, x) = (Layer(inputs, outputs), Math.Min(inputs, outputs), randn(3, inputs));
        var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = rank, Alpha = rank }, layer).Single();
        using var _ = no_grad();
        Named(adapter)["vector_z"].mul_(3);

        Golden.Close.Assert(layer.Weight.Dense() * 3, adapter.Materialize(layer.Weight.Dense()), "weight", 1e-6);
        Golden.Close.Assert((Base(layer, x) - layer.Bias!) * 3, adapter.call(x) - layer.Bias!, "output", 1e-5);
    }

    [TestMethod]
    [DataRow("column twice")]
    [DataRow("row twice")]
    [DataRow("row of zeros")]
    public void A_singular_weight_gives_numbers_and_the_identity(string how)
    {
        using var _ = no_grad();
        var weight = randn(6, 6);
        (how switch
        {
            "column twice" => weight.select(1, 3).copy_(weight.select(1, 0)),
            "row twice" => weight.select(0, 3).copy_(weight.select(0, 0)),
            _ => weight.select(0, 3).zero_(),
        }).Dispose();
        var layer = new LinearLayer("block.0.query", 0, new DenseWeight(weight), null);
        var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = 6, Alpha = 6 }, layer).Single();
        var x = randn(2, 3, 6);

        Golden.Close.Assert(Base(layer, x), adapter.call(x), how, 1e-6);
        Randomize(adapter);
        Assert.IsTrue(adapter.call(x).isfinite().all().item<bool>());
        Assert.IsLessThan(6, Named(adapter)["vector_z"].numel());
    }

    [TestMethod]
    public void A_weight_that_runs_out_of_pivots_trains_fewer_and_says_so()
    {
        var weight = randn(6, 4);
        weight.select(1, 2).copy_(weight.select(1, 0));
        var layer = new LinearLayer("block.0.query", 0, new DenseWeight(weight), null);
        var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = 4, PivotEps = 1e-6 }, layer).Single();

        Assert.AreEqual(2, Named(adapter)["vector_z"].numel());
        Assert.AreEqual("'block.0.query' has 2 usable pivots and r is 4; 2 numbers of it are trained.", ((AdapterOptions)new LoLduOptions()).NotesOn([adapter]).Single());
        var empty = new LinearLayer("block.0.query", 0, new DenseWeight(zeros(4, 4)), null);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => MethodCase.Parts(new LoLduOptions(), empty)).Message, "has no pivot");
    }

    private static LinearLayer Layer(long inputs, long outputs) => new("block.0.query", 0, new DenseWeight(randn(outputs, inputs)), randn(outputs));

    private static Tensor Base(LinearLayer layer, Tensor x) => nn.functional.linear(x, layer.Weight.Dense(), layer.Bias);

    private static Tensor Buffer(LoLdu adapter, string name) => adapter.named_buffers().Single(b => b.name == name).buffer;

    private static void Randomize(LoLdu adapter)
    {
        using var _ = no_grad();
        nn.init.normal_(Named(adapter)["vector_z"]);
    }
}
