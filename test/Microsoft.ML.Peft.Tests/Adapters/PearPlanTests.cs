using Microsoft.ML.Peft.Adapters;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.PearModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Which parts are pruned and which serve their places.</summary>
[TestClass]
public sealed class PearPlanTests
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
}
