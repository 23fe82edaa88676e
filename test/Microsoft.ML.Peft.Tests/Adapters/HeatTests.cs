using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class HeatTests
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
    [DataRow("bert")]
    [DataRow("swin")]
    [DataRow("llama")]
    [DataRow("gpt2")]
    [DataRow("wav2vec2")]
    public void What_a_head_matters_is_the_slope_of_the_loss_by_its_mask(string model)
    {
        using var golden = Load(model);
        using var set = Set(golden, new HeatOptions { PrunedHeads = 0 });
        Randomize(set);
        using var scores = new HeatScores(new() { PrunedHeads = 0 }, set);

        var actual = scores.Raw(Run(golden, set));

        var sites = golden.Model.Backbone.Blocks;
        var masks = sites.Select(site => ones(site.Heads.Heads).requires_grad_(true)).ToArray();
        Tensor Masked(Func<int, Tensor> of) => Loss(golden, set, Probes(golden, [.. sites.Select((site, k) => new Probe(BlockPoint.AttentionHeads, site.Index, (heads, state) =>
        {
            Assert.AreEqual(site.Heads.Heads, state.Heads);
            return heads * of(k).repeat_interleave(site.Heads.Size);
        }))]));
        Masked(k => masks[k]).backward();
        for (var k = 0; k < sites.Count; k++)
        {
            Golden.Close.Assert(masks[k].grad!.abs(), tensor(actual[k].Select(s => (float)s).ToArray()), $"block {k}");
        }

        // And by two passes, for the head that matters most.
        var (block, head) = (from k in Enumerable.Range(0, sites.Count) from h in Enumerable.Range(0, actual[k].Length) orderby actual[k][h] select (k, h)).Last();
        Tensor Scaled(int k, float by)
        {
            var open = ones(sites[k].Heads.Heads);
            open[head] = k == block ? 1 + by : open[head];
            return open;
        }

        using var _ = no_grad();
        var slope = (Masked(k => k == block ? Scaled(k, 0.05f) : ones(sites[k].Heads.Heads)).item<float>() - Masked(k => k == block ? Scaled(k, -0.05f) : ones(sites[k].Heads.Heads)).item<float>()) / 0.1;
        Assert.AreEqual(actual[block][head], Math.Abs(slope), 2e-2 * actual[block][head]);
    }

    [TestMethod]
    public void The_share_of_a_head_in_an_update_is_that_of_its_rows()
    {
        using var golden = Load("bert");
        var options = new HeatOptions { Strategy = HeadImportance.Adapter, Adapter = new LoraOptions { Rank = 3 } };
        using var set = Set(golden, options);
        using var scores = new HeatScores(options, set);
        Assert.AreEqual(0, scores.Raw(Run(golden, set)).Sum(s => s.Sum()), "B is zero at the start");
        Randomize(set);

        var actual = scores.Raw(Run(golden, set));

        Assert.IsTrue(set.TrainedParameters().All(p => p.Parameter.grad is null));
        Loss(golden, set).backward();
        var lora = set.Adapters.OfType<Lora>().ToList(); // query and value of each block
        for (var k = 0; k < actual.Length; k++)
        {
            var rows = new[] { lora[2 * k], lora[(2 * k) + 1] }.Select(part => (part.Factors.B.grad! * part.Factors.B).view(4, -1).sum(1)).Aggregate((a, b) => a + b);
            Golden.Close.Assert(rows.abs(), tensor(actual[k].Select(s => (float)s).ToArray()), $"block {k}");
        }

        foreach (var factors in lora.Select(part => part.Factors))
        {
            Golden.Close.Assert((factors.A.grad! * factors.A).sum(), (factors.B.grad! * factors.B).sum(), "the trace is the same of both factors");
        }
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("gpt2")]
    [DataRow("bloom")]
    [DataRow("llama")]
    public void The_share_of_a_head_in_the_weights_is_that_of_the_weights_own_gradient(string model)
    {
        using var golden = Load(model);
        var options = new HeatOptions { Strategy = HeadImportance.Weight, IncludeOut = true, Reduction = HeadReduction.SumAbs };
        using var set = Set(golden, options);
        Randomize(set);
        using var scores = new HeatScores(options, set);
        var actual = scores.Raw(Run(golden, set));
        var sites = golden.Model.Backbone.Blocks;
        foreach (var layer in sites.SelectMany(site => new[] { site.Heads.Query.Layer, site.Heads.Key.Layer, site.Heads.Value.Layer, site.Heads.Output }))
        {
            layer.Weight.Stored.requires_grad = true;
        }

        Loss(golden, set).backward();

        foreach (var (site, k) in sites.Select((site, k) => (site.Heads, k)))
        {
            var expected = Enumerable.Range(0, site.Heads).Select(h => Of(site.Query, h) + Of(site.Key, site.KeyHeadOf(h)) + Of(site.Value, site.KeyHeadOf(h)) + Product(site.Output).narrow(1, h * site.Size, site.Size).sum());
            Golden.Close.Assert(stack(expected), tensor(actual[k].Select(s => (float)s).ToArray()), $"block {k}");
            Tensor Of(HeadRows rows, int h) => Product(rows.Layer).narrow(0, rows.Of(h), site.Size).sum();
        }

        static Tensor Product(LinearLayer layer)
        {
            var product = (layer.Weight.Stored.grad! * layer.Weight.Stored).detach().abs();
            return layer.Weight is InOutWeight ? product.t() : product;
        }
    }

    [TestMethod]
    public void The_first_order_foretells_what_the_loss_will_do_without_a_head()
    {
        var (foretold, happened) = (new List<double>(), new List<double>());
        using var golden = Load("swin");
        using var set = Set(golden, new HeatOptions { PrunedHeads = 0 });
        using var scores = new HeatScores(new() { PrunedHeads = 0 }, set);
        var raw = scores.Raw(Run(golden, set));
        var masks = HeatOptions.Masks(set);
        using var _ = no_grad();
        var loss = Loss(golden, set).item<float>();
        foreach (var (mask, k) in masks.Select((mask, k) => (mask, k)))
        {
            for (var h = 0; h < mask.Heads.Heads; h++)
            {
                mask.Silence([.. Enumerable.Range(0, mask.Heads.Heads).Select(other => other == h)]);
                foretold.Add(raw[k][h]);
                happened.Add(Math.Abs(Loss(golden, set).item<float>() - loss));
                mask.Silence(new bool[mask.Heads.Heads]);
            }
        }

        var (x, y) = (Ranks(foretold), Ranks(happened));
        var distance = x.Zip(y, (a, b) => (a - b) * (a - b)).Sum();
        Assert.IsGreaterThanOrEqualTo(0.7, 1 - (6.0 * distance / (x.Length * ((x.Length * x.Length) - 1))));

        static int[] Ranks(List<double> values) => [.. values.Select(v => values.Count(other => other < v))];
    }

    [TestMethod]
    [DataRow(HeadSelection.PerLayer, null, "01 23 13")]
    [DataRow(HeadSelection.Accumulated, null, "12 12 12")]
    [DataRow(HeadSelection.Global, null, "012 23 1")]
    [DataRow(HeadSelection.PerLayer, 0.3, "0 3 1")]
    [DataRow(HeadSelection.Global, 1.0, "012 023 123")] // one of each block stays
    public void As_many_heads_are_silenced_as_asked_for(HeadSelection selection, double? ratio, string expected)
    {
        double[][] scores = [[0.1, 0.2, 0.25, 0.9], [0.8, 0.9, 0.15, 0.05], [0.7, 0.11, 0.6, 0.5]];
        var layer = new LinearLayer("o", 0, new DenseWeight(zeros(8, 8)), null);
        var heads = HeadMap.Of(layer, layer, layer, layer, 4, 2);

        var silent = HeatSelection.Choose(new() { Selection = selection, PruneRatio = ratio }, [heads, heads, heads], scores);

        Assert.AreEqual(expected, string.Join(' ', silent.Select(block => string.Concat(Enumerable.Range(0, 4).Where(h => block[h])))));
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

    [TestMethod]
    [DataRow("bert")]
    [DataRow("llama")]
    [DataRow("bloom")]
    public void The_update_of_a_silent_head_is_zero_and_stays_so(string model)
    {
        using var golden = Load(model);
        var options = new HeatOptions { Mask = HeadMasking.Delta, PrunedHeads = 2, WarmupEpochs = 1, Adapter = new LoraOptions { TargetModules = model == "bloom" ? ["query_key_value"] : model == "bert" ? ["query", "value"] : (string[])["q_proj", "v_proj"] } };
        using var set = Set(golden, options);
        Randomize(set);
        Step(golden, set, 9, 10, 11); // measured after step 10, then held against gradient and momentum

        var lora = set.Adapters.OfType<Lora>().ToDictionary(part => part.Target.Index);
        foreach (var mask in HeatOptions.Masks(set))
        {
            Assert.AreEqual(2, mask.Silent.Count(s => s));
            var heads = mask.Heads;
            for (var h = 0; h < heads.Heads; h++)
            {
                Assert.AreEqual(mask.Silent[h], IsZero(lora[heads.Query.Layer.Index], heads.Query.Of(h), heads.Size), $"query {h}");
                var served = Enumerable.Range(0, heads.Heads).Where(other => heads.KeyHeadOf(other) == heads.KeyHeadOf(h)); // themselves, or a group
                Assert.AreEqual(served.All(other => mask.Silent[other]), IsZero(lora[heads.Value.Layer.Index], heads.Value.Of(heads.KeyHeadOf(h)), heads.Size), $"value {h}");
            }
        }

        static bool IsZero(Lora part, long row, long size) => part.Delta().narrow(0, row, size).count_nonzero().item<long>() == 0;
    }

    [TestMethod]
    [DataRow(HeadImportance.Activation)]
    [DataRow(HeadImportance.Weight)]
    public void A_head_that_nobody_listens_to_goes_first_and_the_file_remembers(HeadImportance strategy)
    {
        using var golden = Load("bert");
        foreach (var site in golden.Model.Backbone.Blocks)
        {
            using var _ = no_grad();
            var weight = site.Attention.FrozenWeight.clone();
            weight.narrow(1, 2 * site.Heads.Size, site.Heads.Size).zero_(); // head 2
            site.Attention.ReplaceWeight(weight);
        }

        var options = new HeatOptions { Strategy = strategy, PrunedHeads = 1, WarmupEpochs = 1, IncludeOut = true };
        using var set = Set(golden, options);
        Randomize(set);
        Step(golden, set, 9);

        var settled = (HeatOptions)set.Options!;
        Assert.IsTrue(settled.SilentHeads!.All(heads => heads.Single() == 2) && settled.HeadScores!.All(scores => scores[2] == 0 && scores[0] > 0));
        var folder = Directory.CreateTempSubdirectory("peft-heat-");
        try
        {
            AdapterCheckpoint.Write(set, folder.FullName, null, "none");
            using var read = Set(golden, AdapterCheckpoint.ReadOptions(folder.FullName));
            AdapterCheckpoint.ReadTensors(read, folder.FullName);
            var again = (HeatOptions)read.Options!;
            Assert.IsTrue(settled.SilentHeads!.Zip(again.SilentHeads!).All(p => p.First.SequenceEqual(p.Second)) && settled.HeadScores!.Zip(again.HeadScores!).All(p => p.First.SequenceEqual(p.Second)));
            using var training = read.CreateTraining()!;
            Assert.IsNull(training.Begin(Run(golden, read)), "the heads are known");
            Assert.IsTrue(Logits(golden, set).bytes.SequenceEqual(Logits(golden, read).bytes));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [TestMethod]
    public void Settings_that_do_not_fit_are_refused()
    {
        using var golden = Load("bert");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new HeatOptions { Mask = HeadMasking.Delta, Adapter = new AdaptFormerOptions() }.Validate()).Message, "ADAPTFORMER");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new HeatOptions { Adapter = new HeatOptions() }.Validate()).Message, "procedure");
        using var set = Set(golden, new HeatOptions { PrunedHeads = 4 });
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => set.CreateTraining()).Message, "has 4 heads, of which one at least must be left; lower it, or set PruneRatio");
        using var late = Set(golden, new HeatOptions { WarmupEpochs = 10 });
        using var training = late.CreateTraining()!;
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => training.Begin(Run(golden, late))).Message, "WarmupEpochs is 10");
        using var pissa = Set(golden, new HeatOptions { Mask = HeadMasking.Delta, Adapter = new LoraOptions { Rank = 2, Start = LoraStart.Pissa } });
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => pissa.CreateTraining()).Message, "another start");
    }

    private static GoldenModel Load(string name) => GoldenModel.Load(new(GoldenFolder.Root, name, null));

    private static AdapterSet Set(GoldenModel golden, AdapterOptions options) => AdapterSet.Create("x", options, golden.Model.Backbone, new CopiedModules([], []), 1);

    private static AdapterSet Probes(GoldenModel golden, params Probe[] probes) => Set(golden, new ProbeOptions(_ => probes));

    private static LossRun Run(GoldenModel golden, AdapterSet set) => new(() => Loss(golden, set), withRecorders: below => Loss(golden, [.. below, set]));

    private static Tensor Loss(GoldenModel golden, params AdapterSet[] sets)
    {
        using var context = ForwardContext.Predicting(sets);
        return golden.Model.Head.Loss(golden.Forward(context), golden.Targets);
    }

    private static Tensor Logits(GoldenModel golden, params AdapterSet[] sets)
    {
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(sets);
        var output = golden.Forward(context);
        return output[output.Names.First()];
    }

    // Steps of a run of 10 steps an epoch.
    private static void Step(GoldenModel golden, AdapterSet set, params long[] steps)
    {
        using var training = set.CreateTraining()!;
        using var optimizer = new Peft.Training.FlatAdamW(set.TrainedParameters());
        training.Begin(Run(golden, set));
        foreach (var step in steps)
        {
            var point = new TrainingPoint(step, 100, 1e-2);
            training.BeforeForward(point);
            Loss(golden, set).backward();
            training.BeforeStep(point);
            optimizer.Step(point.LearningRate, 0, keepGradients: true);
            training.AfterStep(point);
            CheckShares(set, step > 10);
            optimizer.Follow(set.TrainedParameters());
            optimizer.Forget(training.Forgets);
        }
    }

    // The rows of silent heads have no gradient.
    private static void CheckShares(AdapterSet set, bool isMasked)
    {
        foreach (var (part, open) in isMasked && set.Options is HeatOptions { Mask: HeadMasking.Delta } ? HeatShares.Settle(set.Adapters, HeatOptions.Masks(set)) : [])
        {
            var rows = part.Factors.B.grad!.abs().sum(1).gt(0).data<bool>().ToArray();
            Assert.IsTrue(rows.Zip(open).All(row => row.First == row.Second));
        }
    }

    private static void Randomize(AdapterSet set)
    {
        using var _ = no_grad();
        random.manual_seed(7);
        foreach (var (parameter, _) in set.TrainedParameters())
        {
            nn.init.normal_(parameter, std: 0.2);
        }
    }
}
