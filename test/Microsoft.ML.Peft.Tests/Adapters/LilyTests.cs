using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class LilyTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LilyOptions { Rank = 2, Experts = 3, Scaling = 2 };

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * inputs) + (3 * 2 * outputs) + (3 * 2);

    [TestMethod]
    [DataRow(LilyRouting.Batch)]
    [DataRow(LilyRouting.Token)]
    [DataRow(LilyRouting.None)]
    public void The_output_is_that_of_the_formula(LilyRouting routing)
    {
        var layer = Layer();
        var adapter = Make(routing, layer)[0];
        Randomize(adapter);
        var x = randn(5, 6);
        var low = x.mm(Parameter(adapter, "lily_A").t());
        var shares = nn.functional.softmax(low.mm(Parameter(adapter, "lily_router").t()), 1); // (tokens, experts)
        shares = routing == LilyRouting.Batch ? shares.mean([0L], keepdim: true).expand(5, 3) : routing == LilyRouting.None ? full_like(shares, 1 / 3.0) : shares;
        var expected = Base(layer, x);
        for (var e = 0; e < 3; e++)
        {
            expected = expected + (shares.narrow(1, e, 1) * low.mm(Parameter(adapter, "lily_B").narrow(0, 2 * e, 2)) * 2);
        }

        AssertClose(expected, adapter.call(x));
    }

    [TestMethod]
    public void Neighbours_share_A_all_of_a_kind_share_B_and_each_has_its_router()
    {
        var parts = Make(LilyRouting.Batch, [.. Enumerable.Range(0, 5).Select(k => Named($"layers.{k}.query", k, 4)), Named("layers.5.query", 5, 3)]);

        Assert.AreEqual(4, Distinct("lily_A")); // 0 and 1, 2 and 3, 4; the one of another size
        Assert.AreEqual(2, Distinct("lily_B"));
        Assert.AreEqual(6, Distinct("lily_router"));
        Assert.AreSame(Parameter(parts[0], "lily_A"), Parameter(parts[1], "lily_A"));

        int Distinct(string name) => parts.Select(p => Parameter(p, name)).Distinct(ReferenceEqualityComparer.Instance).Count();
    }

    // HF PEFT writes all-linear out as the names of the layers.
    [TestMethod]
    public void A_pattern_makes_one_kind_and_all_linear_one_for_each_name()
    {
        LinearLayer[] layers = [Named("layers.0.query", 0, 6), Named("layers.0.value", 1, 6), Named("layers.1.query", 2, 6), Named("layers.1.value", 3, 6)];
        Assert.AreEqual(2, Kinds(TargetModules.AllLinear));
        Assert.AreEqual(2, Kinds(null));
        Assert.AreEqual(1, Kinds(TargetModules.Matching(".*(query|value)")));

        int Kinds(TargetModules? targets)
        {
            using var initialization = new Initialization(0);
            return new LilyOptions { TargetModules = targets }.CreateParts(new AdapterBuild(layers, initialization))
                .Select(p => Parameter(p, "lily_B")).Distinct(ReferenceEqualityComparer.Instance).Count();
        }
    }

    [TestMethod]
    public void Shared_tensors_are_counted_and_stepped_once()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", "lily"));
        var trained = golden.Adapter!.TrainedParameters().ToList();

        Assert.AreEqual(trained.Count, trained.Select(p => p.Parameter).Distinct(ReferenceEqualityComparer.Instance).Count());
        Assert.AreEqual((4 * 4 * 32) + (8 * 32) + (8 * 16) + (4 * 8), golden.Adapter.TrainableCount); // A of 4 layers, B of q and of v, 4 routers
    }

    [TestMethod]
    public void Copies_of_a_shared_tensor_that_differ_are_refused()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", "lily"));
        using var file = SafetensorsReader.Open(Path.Combine(golden.Case.Folder, "adapter_model.safetensors"));
        var error = Assert.ThrowsExactly<ModelFormatException>(() => AdapterCheckpoint.ReadTensors(golden.Adapter!, "test", file.Entries, (key, tensor) =>
        {
            file.ReadInto(key, tensor);
            _ = key.Contains("layers.1.self_attn.q_proj.lily_B", StringComparison.Ordinal) ? tensor.add_(1) : tensor;
        }));

        StringAssert.Contains(error.Message, "differ; this method shares one tensor between those layers");
    }

    [TestMethod]
    public void Only_equal_shares_merge()
    {
        Assert.IsFalse(new LilyOptions().CanMerge);
        Assert.IsTrue(new LilyOptions { Routing = LilyRouting.None }.CanMerge);
        Assert.IsFalse(new LilyOptions().ToJson().Contains("routing", StringComparison.Ordinal)); // HF PEFT does not know it
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => Make(LilyRouting.Token, Layer())[0].Materialize(zeros(4, 6))).Message, "routing 'token'");
        Assert.AreEqual("scaling", string.Join(", ", new[] { "compact", "eval_pi", "mask_padding", "mlp", "non_linearity", "scaling" }.Where(f => new LilyOptions().ToJson().Contains($"\"{f}\"", StringComparison.Ordinal))));
    }

    private static List<Lily> Make(LilyRouting routing, params LinearLayer[] layers)
    {
        using var initialization = new Initialization(0);
        var options = new LilyOptions { Rank = 2, Experts = 3, Scaling = 2, Stride = 2, Routing = routing, TargetModules = new[] { "query" } };
        return [.. options.CreateParts(new AdapterBuild(layers, initialization)).Cast<Lily>()];
    }

    private static LinearLayer Named(string path, int index, long outputs) => new(path, index, new DenseWeight(randn(outputs, 6)), null);
}

[TestClass]
public sealed class LilyWithoutRouterTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new LilyOptions { Rank = 2, Experts = 3, Routing = LilyRouting.None };

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * inputs) + (3 * 2 * outputs);
}
