using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.HeatModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What a silent head is.</summary>
[TestClass]
public sealed class HeatMaskTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void While_every_head_speaks_the_model_is_that_of_the_other_method_to_the_bit()
    {
        using var golden = Load("bert");
        using var heat = Set(golden, new HeatOptions());
        using var lora = AdapterSet.Create("x", new LoraOptions(), golden.Model.Backbone, new CopiedModules([], []), 1);
        Randomize(heat);
        Randomize(lora);

        Assert.AreEqual(lora.TrainableCount, heat.TrainableCount);
        Assert.IsTrue(Logits(golden, lora).bytes.SequenceEqual(Logits(golden, heat).bytes));
    }

    [TestMethod]
    public void A_silent_head_is_a_slice_of_zeros_after_it_and_as_if_cut_out()
    {
        var (q, k, v, o, x) = (randn(12, 12), randn(12, 12), randn(12, 12), randn(12, 12), randn(10, 12));
        var layer = new LinearLayer("o", 0, new DenseWeight(o), null);
        using var mask = new HeadMask(layer, HeadMap.Of(layer, layer, layer, layer, 3, 4), 0, applies: true);
        mask.Silence([false, true, false]);
        using var context = ForwardContext.Predicting();
        var heads = Attention.Forward(x.mm(q.t()), x.mm(k.t()), x.mm(v.t()), new AttentionShape(2, 5, 5, 3, 4), null, 0, context);

        var masked = mask.call(heads);

        Golden.Close.Assert(nn.functional.linear(heads, mask.Materialize(o)), masked, "merged");
        var kept = tensor(new long[] { 0, 1, 2, 3, 8, 9, 10, 11 });
        Tensor Rows(Tensor w) => x.mm(w.index_select(0, kept).t());
        var cut = Attention.Forward(Rows(q), Rows(k), Rows(v), new AttentionShape(2, 5, 5, 2, 4), null, 0, context).mm(o.index_select(1, kept).t());
        Golden.Close.Assert(cut, masked, "cut out", 1e-5);
    }

    [TestMethod]
    public void Swin_loses_a_share_of_the_heads_of_each_stage()
    {
        using var golden = Load("swin");
        var options = new HeatOptions { PruneRatio = 0.5, WarmupEpochs = 1, Adapter = new LoraOptions { TargetModules = (string[])["query", "value"] } };
        using var set = Set(golden, options);
        Randomize(set);
        Step(golden, set, 9);

        var masks = HeatOptions.Masks(set);
        CollectionAssert.AreEqual(new[] { 1, 1, 2, 2 }, masks.Select(mask => mask.Silent.Count(s => s)).ToArray());
        var masked = Logits(golden, set);
        using (set.Merge())
        {
            Golden.Close.Assert(Logits(golden), masked, "merged");
        }

        Assert.IsFalse(Logits(golden).allclose(masked));
    }
}
