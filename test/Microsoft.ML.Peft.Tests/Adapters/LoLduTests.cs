using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What LoLDU owes.</summary>
[TestClass]
public sealed class LoLduTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LoLduOptions { Rank = 3, Alpha = 3 };

    protected override long TrainedNumbers(long inputs, long outputs) => 3;

    [TestMethod]
    public void A_weight_without_a_full_set_of_pivots_gives_numbers_and_the_identity()
    {
        var weight = randn(4, 6);
        weight.select(0, 1).copy_(weight.select(0, 0));
        var layer = new LinearLayer("block.0.query", 0, new DenseWeight(weight), null);
        var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = 4 }, layer).Single();
        var x = Input();

        AssertClose(Base(layer, x), adapter.call(x));
        Randomize(adapter);
        Assert.IsTrue(adapter.call(x).isfinite().all().item<bool>());
    }

    [TestMethod]
    [DataRow(6, 6, 6)]
    [DataRow(9, 4, 4)]
    [DataRow(4, 9, 2)]
    [DataRow(5, 5, 1)]
    public void Start_factors_and_the_whole_diagonal(int inputs, int outputs, int rank)
    {
        var (layer, x) = (Layer(inputs, outputs), randn(3, inputs));
        var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = rank, Alpha = rank }, layer).Single();
        var buffers = adapter.named_buffers().ToDictionary(b => b.name, b => b.buffer, StringComparer.Ordinal);
        using var _ = no_grad();

        AssertClose(Base(layer, x), adapter.call(x));
        AssertClose(ones(rank), buffers["factor_A"].diagonal());
        AssertClose(zeros(rank, rank), buffers["factor_A"].narrow(1, 0, rank).tril(-1));
        Assert.IsLessThanOrEqualTo(1, buffers["factor_B"].abs().max().item<float>()); // partial pivoting
        if (rank == Math.Min(inputs, outputs))
        {
            var z = Parameter(adapter, "vector_z");
            AssertClose(layer.Weight.Dense(), (buffers["factor_B"] * z).mm(buffers["factor_A"]));
            z.mul_(3);
            AssertClose(layer.Weight.Dense() * 3, adapter.Materialize(layer.Weight.Dense()));
        }
    }

    [TestMethod]
    public void A_weight_that_runs_out_of_pivots_trains_fewer_and_says_so()
    {
        var weight = randn(6, 4);
        weight.select(1, 2).copy_(weight.select(1, 0));
        var layer = new LinearLayer("block.0.query", 0, new DenseWeight(weight), null);
        var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = 4, PivotEps = 1e-6 }, layer).Single();

        Assert.AreEqual(2, Parameter(adapter, "vector_z").numel());
        Assert.AreEqual("'block.0.query' has 2 usable pivots and r is 4; 2 numbers of it are trained.", ((AdapterOptions)new LoLduOptions()).NotesOn([adapter]).Single());
        var empty = new LinearLayer("block.0.query", 0, new DenseWeight(zeros(4, 4)), null);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => MethodCase.Parts(new LoLduOptions(), empty)).Message, "has no pivot");
    }

    [TestMethod]
    [DataRow(LoLduStart.Lu, false)]
    [DataRow(LoLduStart.SNormal, false)]
    [DataRow(LoLduStart.Lu, true)]
    public void A_file_comes_back_on_its_base_and_not_on_another(LoLduStart start, bool factors)
    {
        var (options, layer, x) = (new LoLduOptions { Rank = 3, Start = start, SavesFactors = factors }, Layer(), Input());
        using var set = Set(layer, 1);
        var part = (LoLdu)set.Adapters.Single();
        AssertClose(Base(layer, x), part.call(x));
        Randomize(part);
        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(set, folder.Path, null, "base");
        using var loaded = Set(layer, 2);
        AdapterCheckpoint.ReadTensors(loaded, folder.Path);

        AssertClose(part.call(x), ((LoLdu)loaded.Adapters.Single()).call(x));
        var other = Layer();
        using (no_grad())
        {
            other.Weight.Dense()[1, 1].add_(1e-3);
        }

        using var elsewhere = Set(other, 3);
        if (!factors)
        {
            StringAssert.Contains(Assert.ThrowsExactly<ModelFormatException>(() => AdapterCheckpoint.ReadTensors(elsewhere, folder.Path)).Message, "trained on another base model");
        }

        AdapterSet Set(LinearLayer on, int seed)
        {
            using var initialization = new Initialization(seed);
            return AdapterSet.Of("x", options, [.. options.CreateParts(new AdapterBuild([on], initialization))], 1);
        }
    }

    [TestMethod]
    public void Only_the_diagonal_learns_without_decay_and_is_a_lora()
    {
        var adapter = (LoLdu)MethodCase.Parts(new LoLduOptions { Rank = 3, SavesFactors = true }, Layer()).Single();
        Randomize(adapter);
        adapter.call(Input()).sum().backward();
        using var set = AdapterSet.Of("x", new LoLduOptions { Rank = 3, SavesFactors = true }, [adapter], 1);

        Assert.AreSame(Parameter(adapter, "vector_z"), set.TrainedParameters().Single().Parameter);
        Assert.IsFalse(set.TrainedParameters().Single().Group.Decays);
        Assert.IsTrue(adapter.named_parameters().All(p => p.name == "vector_z" == p.parameter.grad is not null));
        using var lora = AdapterConversion.ToLora(set);
        var x = Input();
        AssertClose(adapter.call(x), ((Lora)lora.Adapters.Single()).call(x));
    }

    [TestMethod]
    public void Counts_are_those_of_the_authors()
    {
        Assert.AreEqual(15, MethodCase.Parts(new LoLduOptions { Rank = 15 }, Layer(15, 15)).Single().parameters().Sum(p => p.numel()));
        Assert.AreEqual(18_432, 24 * MethodCase.Parts(new LoLduOptions { Rank = 768 }, Layer(768, 768)).Single().parameters().Sum(p => p.numel())); // ViT-B/16, query and value
    }
}
