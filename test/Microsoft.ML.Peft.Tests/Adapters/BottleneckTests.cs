using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Bottleneck adapters against their formulas, written down a second time.</summary>
[TestClass]
public sealed class BottleneckTests
{
    private static readonly CopiedModules s_none = new([], []);

    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Cases =>
        from model in (string[])["bert", "vit", "llama", "t5", "gptj", "deberta-v2", "dinov2", "swin", "whisper", "clip", "wav2vec2"]
        from method in (string[])["HOULSBY", "PFEIFFER", "PARALLEL_ADAPTER", "ADAPTER_PLUS", "ADAPTFORMER", "COMPACTER", "COMPACTER++"]
        select new object[] { model, method };

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    // Each adapter of the model is replaced by a probe that computes the formula from the adapter's numbers.
    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void It_is_its_formula(string model, string method)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, model, null));
        using var adapter = AdapterSet.Create("a", Options(method), golden.Model.Backbone, s_none, 0);
        Randomize(adapter);
        var parts = adapter.Adapters.OfType<BlockAdapter>().ToList();
        var rule = adapter.Adapters.OfType<CompacterRule>().SingleOrDefault()?.Value();
        using var probe = AdapterSet.Create(
            "b", new ProbeOptions(_ => parts.Select(part => new Probe(part.Point, part.Block, (h, state) => Formula(method, part, rule, h, state)))),
            golden.Model.Backbone, s_none, 0);

        Tensor Run(params AdapterSet[] sets)
        {
            using var _ = no_grad();
            using var context = ForwardContext.Predicting(sets);
            var output = golden.Forward(context);
            return output[output.Names.First()];
        }

        var (bare, actual) = (Run(), Run(adapter));
        Assert.IsFalse(bare.allclose(actual, 1e-3, 1e-3), "the adapter does nothing");
        Golden.Close.Assert(Run(probe), actual, method);
    }

    [TestMethod]
    [DataRow("PARALLEL_ADAPTER", true)]
    [DataRow("ADAPTFORMER", true)]
    [DataRow("HOULSBY", false)]
    [DataRow("PFEIFFER", false)]
    [DataRow("COMPACTER", false)]
    [DataRow("ADAPTER_PLUS", false)]
    public void It_starts_at_or_near_the_base(string method, bool identity)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        using var adapter = AdapterSet.Create("a", Options(method), golden.Model.Backbone, s_none, 0);
        using var _ = no_grad();
        using var bare = ForwardContext.Predicting();
        using var with = ForwardContext.Predicting(adapter);
        var (expected, actual) = (golden.Forward(bare).Logits, golden.Forward(with).Logits);

        Golden.Close.Assert(expected, actual, method, identity ? 1e-5 : 0.1);
        Assert.AreEqual(identity, expected.equal(actual).all().item<bool>());
    }

    // BERT-base: 12 blocks of 768; ViT-B: the same. The published counts.
    [TestMethod]
    [DataRow("HOULSBY", 1_789_056L)]
    [DataRow("PFEIFFER", 894_528L)]
    [DataRow("COMPACTER++", 28_576L)]
    [DataRow("ADAPTFORMER", 1_189_632L)]
    public void It_trains_the_published_count(string method, long count)
    {
        using var initialization = new Initialization(0);
        var options = (BottleneckOptions)(method == "ADAPTFORMER" ? new AdaptFormerOptions() : method == "COMPACTER++" ? new CompacterOptions { FeedForwardOnly = true }
            : method == "HOULSBY" ? new HoulsbyOptions() : new PfeifferOptions());
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        var layer = new LinearLayer("block.output", 0, new DenseWeight(zeros(768, 1)), null);
        var build = new AdapterBuild([], initialization, golden.Model.Backbone);
        var shared = options.CreateShared(build);
        var block = options.CreateParts(new BlockSite(0, layer, layer, true) { Heads = HeadMap.Of(layer, layer, layer, layer, 1, 768) }, build, shared).Sum(Trained);

        Assert.AreEqual(count, (12 * block) + (shared is null ? 0 : Trained(shared)));

        static long Trained(Adapter part) => part.parameters().Where(p => p.requires_grad).Sum(p => p.numel());
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("vit")]
    public void A_gate_sees_every_token_of_its_row(string model)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, model, null));
        using var adapter = AdapterSet.Create("a", new PfeifferOptions { ReductionFactor = 4, Gated = true }, golden.Model.Backbone, s_none, 0);
        Randomize(adapter);
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(adapter);
        var whole = golden.Forward(context).Logits;

        // The same with a probe that asks for every token too; the formula takes the mean over the whole row.
        var parts = adapter.Adapters.OfType<BlockAdapter>().ToList();
        using var probe = AdapterSet.Create(
            "b", new ProbeOptions(_ => parts.Select(part => new Probe(part.Point, part.Block, (h, state) => Gated(part, h, state), true))),
            golden.Model.Backbone, s_none, 0);
        using var second = ForwardContext.Predicting(probe);

        Golden.Close.Assert(golden.Forward(second).Logits, whole, model);
    }

    [TestMethod]
    public void Blocks_can_be_chosen_and_settings_outside_their_range_are_refused()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "vit", null));
        using var one = AdapterSet.Create("a", new PfeifferOptions { LayersToTransform = new[] { 1 } }, golden.Model.Backbone, s_none, 0);

        Assert.AreEqual("base_model.model.vit.layers.1.mlp.fc2.adapter_down.weight", one.Parameters().First().FileName);
        Assert.IsTrue(one.Adapters.All(a => ((BlockAdapter)a).Block == 1));
        Assert.AreEqual(one.Options!.ToJson(), AdapterOptions.FromJson(one.Options.ToJson(), "test").ToJson());
        Assert.ThrowsExactly<PeftException>(() => AdapterSet.Create("a", new PfeifferOptions { LayersToTransform = new[] { 9 } }, golden.Model.Backbone, s_none, 0));
        Assert.ThrowsExactly<PeftException>(() => AdapterSet.Create("a", new CompacterOptions { Dimension = 5 }, golden.Model.Backbone, s_none, 0));
        foreach (var wrong in (AdapterOptions[])[
            new HoulsbyOptions { ReductionFactor = 0 }, new PfeifferOptions { Start = "zero" }, new AdaptFormerOptions { Norm = "both" },
            new ParallelAdapterOptions { Scale = double.NaN }, new CompacterOptions { Rank = 0 }, new AdapterPlusOptions { StochasticDepth = 1 },
            new HoulsbyOptions { TargetModules = new[] { "query" } }])
        {
            try
            {
                wrong.Validate();
                Assert.Fail(wrong.ToJson());
            }
            catch (ArgumentException)
            {
            }
        }
    }

    private static AdapterOptions Options(string method) => method switch
    {
        "HOULSBY" => new HoulsbyOptions { ReductionFactor = 4 },
        "PFEIFFER" => new PfeifferOptions { ReductionFactor = 4 },
        "PARALLEL_ADAPTER" => new ParallelAdapterOptions(),
        "ADAPTER_PLUS" => new AdapterPlusOptions { ReductionFactor = 8 },
        "ADAPTFORMER" => new AdaptFormerOptions { Width = 6, Norm = "in", LearnsScale = true },
        _ => new CompacterOptions { FeedForwardOnly = method == "COMPACTER++", ReductionFactor = 4, Dimension = 2, Rank = 2 },
    };

    private static Tensor Formula(string method, BlockAdapter part, Tensor? rule, Tensor h, BlockState state)
    {
        var p = part.named_parameters().ToDictionary(x => x.name, x => (Tensor)x.parameter);
        var sum = state.Residual is null ? h : h + state.Residual; // there is none after a norm
        var normed = state.Norm is null ? sum : state.Norm(sum);
        if (rule is not null)
        {
            var inner = (method == "COMPACTER++" ? normed : h).matmul(Phm("adapter_down")) + p["adapter_down.bias"];
            return h + nn.functional.gelu(inner).matmul(Phm("adapter_up")) + p["adapter_up.bias"];
        }

        return method switch
        {
            "HOULSBY" => h + Up(nn.functional.silu(Down(h))),
            "PFEIFFER" => h + Up(nn.functional.relu(Down(normed))),
            "PARALLEL_ADAPTER" => h + (4 * Up(nn.functional.relu(Down(state.Input!)))),
            "ADAPTER_PLUS" => h + (p["adapter_scale"] * Up(nn.functional.gelu(Down(part.Point == BlockPoint.AfterNorm2 ? h : sum)))),
            _ => h + (p["adapter_scale"] * Up(nn.functional.relu(Down(Norm(state.Residual!))))),
        };

        Tensor Down(Tensor x) => x.matmul(p["adapter_down.weight"].t()) + p["adapter_down.bias"];

        Tensor Up(Tensor x) => x.matmul(p["adapter_up.weight"].t()) + p["adapter_up.bias"];

        Tensor Norm(Tensor x)
        {
            var centred = x - x.mean([1], keepdim: true);
            return (centred / (centred.square().mean([1], keepdim: true) + 1e-5).sqrt() * p["adapter_norm.weight"]) + p["adapter_norm.bias"];
        }

        Tensor Phm(string layer)
        {
            var (left, right) = (p[layer + ".W_left"], p[layer + ".W_right"]);
            return Enumerable.Range(0, 2).Select(k => rule!.select(0, k).contiguous().kron(left.select(0, k).mm(right.select(0, k)))).Aggregate((a, b) => a + b);
        }
    }

    private static Tensor Gated(BlockAdapter part, Tensor h, BlockState state)
    {
        var p = part.named_parameters().ToDictionary(x => x.name, x => (Tensor)x.parameter);
        var sum = h + state.Residual!;
        var x = state.Norm is null ? sum : state.Norm(sum);
        var added = nn.functional.relu(x.matmul(p["adapter_down.weight"].t()) + p["adapter_down.bias"]).matmul(p["adapter_up.weight"].t()) + p["adapter_up.bias"];
        var gate = (x.matmul(p["adapter_gate.weight"].t()) + p["adapter_gate.bias"]).sigmoid();
        var (rows, length) = (state.Rows, h.size(0) / state.Rows);
        return h + cat([.. Enumerable.Range(0, (int)rows).Select(row
            => added.narrow(0, row * length, length) * gate.narrow(0, row * length, length).mean())]);
    }

    private static void Randomize(AdapterSet adapter)
    {
        using var _ = no_grad();
        foreach (var (parameter, _) in adapter.TrainedParameters())
        {
            nn.init.normal_(parameter, 0, 0.3);
        }
    }
}
