using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.PearModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Runs of Pear: before, at and after the pruning.</summary>
[TestClass]
public sealed class PearTrainingTests
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
}
