using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Microsoft.ML.Peft.Training;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class PearTests
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
    public void Before_the_pruning_it_is_the_other_method_to_the_bit()
    {
        using var golden = Load("bert");
        foreach (var inner in new AdapterOptions[] { new LoraOptions { Rank = 4 }, new AdaptFormerOptions { Width = 4 }, new HoulsbyOptions() })
        {
            using var pear = Set(golden, new PearOptions { Adapter = inner });
            using var plain = Set(golden, inner);
            Assert.AreEqual(plain.TrainableCount, pear.TrainableCount);
            Randomize(pear);
            Randomize(plain);
            Assert.IsTrue(Logits(golden, plain).bytes.SequenceEqual(Logits(golden, pear).bytes), inner.Method.Name);
        }
    }

    [TestMethod]
    public void Nothing_pruned_is_ordinary_training()
    {
        using var golden = Load("bert");
        using var pear = Set(golden, new PearOptions { PruneRatio = 0, ScoreEpoch = 1, Adapter = new LoraOptions { Rank = 2 } });
        using var plain = Set(golden, new LoraOptions { Rank = 2 });

        Train(golden, pear, 8, 4);
        Train(golden, plain, 8, 4);

        Assert.IsTrue(Logits(golden, plain).bytes.SequenceEqual(Logits(golden, pear).bytes));
        Assert.IsEmpty(((PearOptions)pear.Options!).Donors!);
    }

    [TestMethod]
    public void The_importance_is_the_same_of_both_factors_and_0_for_what_does_nothing()
    {
        using var golden = Load("bert");
        using var set = Set(golden, new PearOptions { Adapter = new LoraOptions { Rank = 2 } });
        Randomize(set);
        var sites = PearOptions.Sites(set);
        using (no_grad())
        {
            sites[1].Own.Single(own => own.Name == "lora_B").Parameter.zero_();
        }

        using var training = (PearTraining)set.CreateTraining()!;
        training.Begin(new LossRun(() => Loss(golden, set)) { Epochs = 20 });
        var importance = training.Measure();

        Loss(golden, set).backward();
        foreach (var own in sites.Select(site => site.Own))
        {
            Golden.Close.Assert(Product("lora_A"), Product("lora_B"), "the trace");
            Tensor Product(string name) => own.Where(o => o.Name == name).Select(o => (o.Parameter.grad! * o.Parameter).sum()).Single();
        }

        var raw = sites.Select(site => Math.Abs(site.Own.Sum(own => (own.Parameter.grad! * own.Parameter).sum().item<float>()))).ToArray();
        for (var k = 0; k < sites.Count; k++)
        {
            Assert.AreEqual(raw[k] / sites.Select((site, j) => site.Kind == sites[k].Kind ? raw[j] : 0).Sum(), importance[k], 1e-4);
        }

        Assert.AreEqual(0, importance[1]);
        Assert.IsTrue(sites[1].Kind == sites[3].Kind && sites[0].Kind == sites[2].Kind && sites[0].Kind != sites[1].Kind, "query and value of two blocks");
        training.Prune(importance);
        Assert.IsTrue(sites[1].IsPruned && !sites[3].IsPruned);
        Assert.AreSame(sites[3], sites[1].Donor);
    }

    [TestMethod]
    public void As_many_of_a_kind_are_pruned_as_asked_for_and_served_by_the_others()
    {
        var importance = new[] { 0.1, 0.3, 0.1, 0.2, 0.25, 0.05 };
        Assert.AreEqual("0<4 2<1 5<3", Plan(new() { PruneRatio = 0.5, Share = PearSharing.Ranked }, importance));
        Assert.AreEqual("0<1 2<1 5<4", Plan(new() { PruneRatio = 0.5, Share = PearSharing.Nearest }, importance));
        Assert.AreEqual("0<1 2<1 5<1", Plan(new() { PruneRatio = 0.5, Share = PearSharing.Top }, importance));
        Assert.AreEqual("0 2 5", Plan(new() { PruneRatio = 0.5, Share = PearSharing.None }, importance));
        Assert.AreEqual("5<1", Plan(new() { PruneRatio = 0.3 }, importance), "⌊1.8⌋");
        Assert.AreEqual("0<1 2<1 3<1 4<1 5<1", Plan(new() { PruneRatio = 0.99, Scope = PearScope.Global }, importance), "one of the kind stays");
        Assert.AreEqual("0<3 1<4 2<5", Plan(new(), [0.1, 0.1, 0.1, 0.1, 0.1, 0.1]), "of equal ones the deeper are kept");
    }

    [TestMethod]
    [DataRow("LORA", PearCheckpoint.Frozen)]
    [DataRow("LORA", PearCheckpoint.Mean)]
    [DataRow("LORA", PearCheckpoint.None)]
    [DataRow("LORA", PearCheckpoint.Distil)]
    [DataRow("ADAPTFORMER", PearCheckpoint.Frozen)]
    [DataRow("ADAPTFORMER", PearCheckpoint.Mean)]
    [DataRow("HOULSBY", PearCheckpoint.Distil)]
    public void The_switch_trains_on_and_the_file_gives_the_same_outputs(string method, PearCheckpoint checkpoint)
    {
        using var golden = Load("bert");
        AdapterOptions inner = method switch { "LORA" => new LoraOptions { Rank = 2, Dropout = 0.1 }, "HOULSBY" => new HoulsbyOptions(), _ => new AdaptFormerOptions { Width = 4 } };
        var options = new PearOptions { ScoreEpoch = 2, Checkpoint = checkpoint, Adapter = inner };
        using var set = Set(golden, options);
        Randomize(set);
        var before = Logits(golden, set);
        using (var training = (PearTraining)set.CreateTraining()!)
        {
            training.Begin(new LossRun(() => Loss(golden, set)));
            training.Prune(training.Measure());
        }

        var sites = PearOptions.Sites(set);
        var after = Logits(golden, set);
        if (checkpoint == PearCheckpoint.Frozen)
        {
            Assert.IsTrue(before.bytes.SequenceEqual(after.bytes), "with γ = 0 nothing changes");
        }
        else
        {
            Assert.IsFalse(before.allclose(after));
        }

        foreach (var site in sites.Where(site => site.IsPruned))
        {
            Assert.AreEqual(checkpoint is PearCheckpoint.Frozen or PearCheckpoint.Mean ? 0f : 1f, site.Gate!.item<float>());
        }

        Randomize(set);
        var folder = Directory.CreateTempSubdirectory("peft-pear-");
        try
        {
            AdapterCheckpoint.Write(set, folder.FullName, null, "none");
            using var read = Set(golden, AdapterCheckpoint.ReadOptions(folder.FullName));
            AdapterCheckpoint.ReadTensors(read, folder.FullName);
            Assert.IsTrue(Logits(golden, set).bytes.SequenceEqual(Logits(golden, read).bytes));
            Assert.AreEqual(set.TrainableCount, read.TrainableCount);
            Assert.IsNull(read.CreateTraining());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [TestMethod]
    public void A_run_prunes_drops_what_is_gone_and_draws_donors_to_their_teachers()
    {
        using var golden = Load("bert");
        using var set = Set(golden, new PearOptions { ScoreEpoch = 1, Checkpoint = PearCheckpoint.Distil, Adapter = new LoraOptions { Rank = 2 } });
        Randomize(set);
        var whole = set.TrainableCount;

        var penalties = Train(golden, set, 12, 4);

        Assert.AreEqual((whole / 2) + 2, set.TrainableCount); // a gate for each of two places
        Assert.IsTrue(penalties.Take(4).All(p => p == 0));
        Assert.IsTrue(penalties.Skip(4).All(p => p > 0));
        Assert.AreEqual(0, penalties.Count(double.IsNaN));
        Assert.IsTrue(PearOptions.Sites(set).Where(site => site.IsPruned).All(site => site.Gate!.item<float>() != 1));
    }

    [TestMethod]
    public void A_restart_trains_what_is_kept_from_its_start()
    {
        using var golden = Load("bert");
        using var set = Set(golden, new PearOptions { ScoreEpoch = 1, Restart = true, Checkpoint = PearCheckpoint.None, Adapter = new LoraOptions { Rank = 2 } });
        var starts = PearOptions.Sites(set).Select(site => site.Own[0].Parameter.detach().clone()).ToList();
        using var training = set.CreateTraining()!;
        Assert.AreEqual(new TrainingLead(10), training.Begin(new LossRun(() => Loss(golden, set))));
        Randomize(set);

        training.AfterStep(new(9, 10, 1e-3) { IsLead = true });

        foreach (var (site, k) in PearOptions.Sites(set).Select((site, k) => (site, k)).Where(s => !s.site.IsPruned))
        {
            Assert.IsTrue(starts[k].bytes.SequenceEqual(site.Own[0].Parameter.bytes));
        }

        Assert.AreEqual(2, PearOptions.Sites(set).Count(site => site.IsPruned));
    }

    [TestMethod]
    [DataRow(PearGate.Fixed, PearCheckpoint.None)]
    [DataRow(PearGate.Learned, PearCheckpoint.Frozen)]
    public void A_donor_learns_from_every_place_that_it_serves_and_all_of_it_merges(PearGate gate, PearCheckpoint checkpoint)
    {
        var options = new PearOptions { Gate = gate, Checkpoint = checkpoint, Donors = new Dictionary<string, string> { ["block.1.q"] = "block.0.q" }, Adapter = new LoraOptions { Rank = 2 } };
        var layers = Enumerable.Range(0, 2).Select(k => new LinearLayer($"block.{k}.q", k, new DenseWeight(randn(4, 4)), randn(4))).ToArray();
        using var initialization = new Initialization(0);
        var parts = options.CreateParts(new AdapterBuild(layers, initialization)).Cast<PearLinear>().ToList();
        using var set = AdapterSet.Of("x", options, [.. parts], 2);
        Randomize(set);
        parts.ForEach(part => part.eval());
        var x = randn(3, 4);
        var (a, b) = (parts[0].Site.Own[0].Parameter, parts[0].Site.Own[1].Parameter);

        (parts[0].call(x).square().sum() + parts[1].call(x).square().sum()).backward();

        // The same with copies.
        var (first, second) = ((a.detach().clone().requires_grad_(true), b.detach().clone().requires_grad_(true)), (a.detach().clone().requires_grad_(true), b.detach().clone().requires_grad_(true)));
        var scale = 4.0; // α/r
        var factor = gate == PearGate.Fixed ? 1 : parts[1].Site.Gate!.item<float>();
        Tensor Base(int k) => nn.functional.linear(x, layers[k].Weight.Dense(), layers[k].Bias);
        Tensor Added((Tensor A, Tensor B) pair) => x.mm(pair.A.t()).mm(pair.B.t()) * scale;
        var old = checkpoint == PearCheckpoint.Frozen ? Added((parts[1].Site.Own[0].Parameter.detach(), parts[1].Site.Own[1].Parameter.detach())) : zeros(3, 4);
        var y = Base(1) + old + (Added(second) * factor);
        ((Base(0) + Added(first)).square().sum() + y.square().sum()).backward();
        Golden.Close.Assert(y, parts[1].call(x), "the pruned place");
        Golden.Close.Assert(first.Item1.grad! + second.Item1.grad!, a.grad!, "A");
        Golden.Close.Assert(first.Item2.grad! + second.Item2.grad!, b.grad!, "B");
        Assert.AreEqual(checkpoint == PearCheckpoint.Frozen, parts[1].named_parameters().Any(p => p.name == "lora_A" && !p.parameter.requires_grad), "kept without training, or gone");
        Assert.AreEqual(gate == PearGate.Learned ? 1 : 0, parts[1].parameters().Count(p => p.requires_grad));
        foreach (var part in parts)
        {
            Golden.Close.Assert(part.call(x), nn.functional.linear(x, part.Materialize(part.Layer.Weight.Dense()), part.MaterializeBias(part.Layer.Bias)), "merged");
        }

        using var lora = AdapterConversion.ToLora(set);
        Assert.AreEqual(checkpoint == PearCheckpoint.Frozen ? 4 : 2, ((LoraOptions)lora.Options!).Rank);
        Golden.Close.Assert(parts[1].call(x), ((Lora)lora.Adapters[1]).call(x), "as LoRA");
    }

    [TestMethod]
    public void A_mean_is_a_bias_when_merged()
    {
        using var golden = Load("bert");
        using var set = Set(golden, new PearOptions { Checkpoint = PearCheckpoint.Mean, Adapter = new LoraOptions { Rank = 2 } });
        Randomize(set);
        using var training = (PearTraining)set.CreateTraining()!;
        training.Begin(new LossRun(() => Loss(golden, set)) { Epochs = 20 });
        training.Prune(training.Measure());
        Randomize(set);
        Assert.IsTrue(PearOptions.Sites(set).Where(site => site.IsPruned).All(site => site.Mean!.abs().sum().item<float>() > 0 && !site.Mean.requires_grad));
        var expected = Logits(golden, set);

        using (set.Merge())
        {
            Golden.Close.Assert(expected, Logits(golden), "merged");
        }

        using var lora = AdapterConversion.ToLora(set);
        Assert.IsTrue(((LoraOptions)lora.Options!).HasBias);
        Golden.Close.Assert(expected, Logits(golden, lora), "as LoRA, with biases");
    }

    // Without biases a relu bottleneck is of degree one in either of its matrices.
    [TestMethod]
    public void The_importance_of_a_bottleneck_is_the_same_of_both_matrices_and_that_of_LoRA_the_slope_by_its_update()
    {
        using var golden = Load("bert");
        using var set = Set(golden, new PearOptions { Adapter = new AdaptFormerOptions { Width = 4 } });
        Randomize(set);
        using (no_grad())
        {
            foreach (var (_, bias) in PearOptions.Sites(set).SelectMany(site => site.Own).Where(own => own.Name.EndsWith("bias", StringComparison.Ordinal)))
            {
                bias.zero_();
            }
        }

        Loss(golden, set).backward();
        foreach (var own in PearOptions.Sites(set).Select(site => site.Own.ToDictionary(o => o.Name, o => (o.Parameter.grad! * o.Parameter).sum())))
        {
            Golden.Close.Assert(own["adapter_down.weight"], own["adapter_up.weight"], "the trace", 1e-4);
        }

        using var low = Set(golden, new PearOptions { Adapter = new LoraOptions { Rank = 2 } });
        Randomize(low);
        var part = (Lora)PearOptions.Sites(low)[0].Part;
        var recorder = new GradientRecorder(part.Layer);
        using var below = AdapterSet.Of("recorder", null, [recorder], low.LayerCount);
        using var context = ForwardContext.Predicting(below, low);
        golden.Model.Head.Loss(golden.Forward(context), golden.Targets).backward();
        Golden.Close.Assert((recorder.Sum! * part.Delta()).sum(), (part.Factors.B.grad! * part.Factors.B).sum(), "the slope by the update", 1e-4);
    }

    [TestMethod]
    public void On_Swin_places_of_one_width_alone_serve_each_other()
    {
        using var golden = Load("swin");
        using var set = Set(golden, new PearOptions { Scope = PearScope.Global, Share = PearSharing.Nearest, Adapter = new LoraOptions { Rank = 2, TargetModules = (string[])["query", "value"] } });
        Randomize(set);
        using var training = (PearTraining)set.CreateTraining()!;
        training.Begin(new LossRun(() => Loss(golden, set)) { Epochs = 20 });

        training.Prune(training.Measure());

        var sites = PearOptions.Sites(set);
        Assert.HasCount(4, sites.Select(site => site.Kind).Distinct().ToArray(), "query and value of two stages");
        Assert.AreEqual(sites.Count / 2, sites.Count(site => site.IsPruned));
        foreach (var site in sites.Where(site => site.IsPruned))
        {
            Assert.AreEqual(site.Kind, site.Donor!.Kind);
            Assert.IsFalse(site.Donor.IsPruned);
        }

        Assert.IsTrue(Logits(golden, set).isfinite().all().item<bool>());
    }

    [TestMethod]
    public void Settings_that_do_not_fit_are_refused()
    {
        using var golden = Load("bert");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => Set(golden, new PearOptions { Adapter = new VeraOptions() })).Message, "stand alone");
        Assert.IsTrue(new PearOptions().Adapter is LoraOptions { Rank: 8, Dropout: 0.1 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new PearOptions { PruneRatio = 1 }.Validate());
        using var late = Set(golden, new PearOptions { ScoreEpoch = 10 });
        using var training = late.CreateTraining()!;
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => training.Begin(new LossRun(() => Loss(golden, late)))).Message, "ScoreEpoch is 10");
        using var scheduled = Set(golden, new PearOptions { Adapter = new LoraOptions { FreezeA = true } });
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => scheduled.CreateTraining()).Message, "schedule of its own");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new PearOptions { Checkpoint = PearCheckpoint.Distil, Share = PearSharing.None }.Validate()).Message, "no donor");
    }

    private static string Plan(PearOptions options, double[] importance)
    {
        var layers = importance.Select((_, k) => new LinearLayer($"block.{k}.q", k, new DenseWeight(zeros(2, 2)), null)).ToArray();
        using var initialization = new Initialization(0);
        var sites = (options with { Adapter = new LoraOptions { Rank = 1 } }).CreateParts(new AdapterBuild(layers, initialization)).Cast<IPearPlace>().Select(place => place.Site).ToList();
        sites.ForEach(site => site.Importance = importance[site.Depth]);
        var pruned = PearPlan.Pruned(options, sites);
        var donors = PearPlan.Donors(options, sites, pruned);
        return string.Join(' ', pruned.OrderBy(site => site.Depth).Select(site => donors.TryGetValue(site, out var donor) ? $"{site.Depth}<{donor.Depth}" : $"{site.Depth}"));
    }

    private static GoldenModel Load(string name) => GoldenModel.Load(new(GoldenFolder.Root, name, null));

    private static AdapterSet Set(GoldenModel golden, AdapterOptions options) => AdapterSet.Create("x", options, golden.Model.Backbone, new CopiedModules([], []), 1);

    private static Tensor Loss(GoldenModel golden, AdapterSet set, bool training = false)
    {
        using var context = training ? ForwardContext.TrainingWith(5, set) : ForwardContext.Predicting(set);
        return golden.Model.Head.Loss(golden.Forward(context), golden.Targets);
    }

    private static Tensor Logits(GoldenModel golden, params AdapterSet[] sets)
    {
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(sets);
        var output = golden.Forward(context);
        return output[output.Names.First()];
    }

    // Steps of a run with so many steps an epoch; the penalty of each.
    private static List<double> Train(GoldenModel golden, AdapterSet set, int steps, int stepsPerEpoch)
    {
        var penalties = new List<double>();
        using var training = set.CreateTraining();
        using var optimizer = new FlatAdamW(set.TrainedParameters());
        training?.Begin(new LossRun(() => Loss(golden, set)) { Epochs = steps / stepsPerEpoch, Epoch = stepsPerEpoch });
        for (var step = 0; step < steps; step++)
        {
            var point = new TrainingPoint(step, steps, 1e-2);
            training?.BeforeForward(point);
            var loss = Loss(golden, set, training: true);
            var penalty = set.Penalty();
            penalties.Add(penalty?.item<float>() ?? 0);
            (penalty is null ? loss : loss + penalty).backward();
            training?.BeforeStep(point);
            optimizer.Step(point.LearningRate, 0, keepGradients: true);
            training?.AfterStep(point);
            optimizer.Follow(set.TrainedParameters());
        }

        training?.Finish();
        return penalties;
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
