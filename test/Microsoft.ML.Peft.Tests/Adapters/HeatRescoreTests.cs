using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.HeatModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Heads that are measured again while some are silent.</summary>
[TestClass]
public sealed class HeatRescoreTests
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

    // Query and its bias zero, value without bias: what a head gives is linear in its rows of the value alone, so that weights and what they give matter as much, silent or not.
    [TestMethod]
    public void A_silent_head_is_measured_as_if_it_spoke()
    {
        using var golden = Load("bert");
        using (no_grad())
        {
            foreach (var heads in golden.Model.Backbone.Blocks.Select(site => site.Heads))
            {
                heads.Query.Layer.ReplaceWeight(zeros_like(heads.Query.Layer.FrozenWeight));
                heads.Query.Layer.FrozenBias!.zero_();
                heads.Value.Layer.FrozenBias!.zero_();
            }
        }

        var options = new HeatOptions { SilentHeads = [[0, 2], [1]], HeadScores = [[0, 1, 0, 1], [1, 0, 1, 1]], Adapter = new LoraOptions { TargetModules = (string[])["value"] } };
        using var set = Set(golden, options);
        var given = Measured(HeadImportance.Activation);

        Same(given, Measured(HeadImportance.Weight));

        // The same of an update in place of the weights.
        Randomize(set);
        foreach (var heads in golden.Model.Backbone.Blocks.Select(site => site.Heads))
        {
            heads.Value.Layer.ReplaceWeight(zeros_like(heads.Value.Layer.FrozenWeight));
        }

        Same(Measured(HeadImportance.Activation), Measured(HeadImportance.Adapter));

        double[][] Measured(HeadImportance strategy)
        {
            using var scores = new HeatScores(options with { Strategy = strategy }, set);
            var before = Logits(golden, set).bytes.ToArray();
            var raw = scores.Raw(Run(golden, set));
            Assert.IsTrue(before.AsSpan().SequenceEqual(Logits(golden, set).bytes), "measuring changes nothing");
            return raw;
        }

        // In each block, of which a silent head of a later one has no part.
        static void Same(double[][] expected, double[][] actual)
        {
            Assert.IsTrue(expected[0][0] > 0 && expected[0][2] > 0 && expected[1][1] > 0);
            for (var k = 0; k < expected.Length; k++)
            {
                Golden.Close.Assert(tensor(Array.ConvertAll(expected[k], s => (float)s)), tensor(Array.ConvertAll(actual[k], s => (float)s)), $"block {k}");
            }
        }
    }

    [TestMethod]
    public void A_silent_share_is_measured_by_the_rows_it_had_and_gets_them_back()
    {
        using var golden = Load("bert");
        var options = new HeatOptions { Mask = HeadMasking.Delta, Strategy = HeadImportance.Adapter, PrunedHeads = 1, WarmupEpochs = 1, RescoreEvery = 1 };
        using var set = Set(golden, options);
        Randomize(set);
        using var training = (HeatTraining)set.CreateTraining()!;
        training.Begin(Run(golden, set));
        var lora = set.Adapters.OfType<Lora>().ToList();
        var before = lora.ConvertAll(part => part.Factors.B.detach().clone());
        var size = HeatOptions.Masks(set)[0].Heads.Size;

        training.Silence([[0.1, 1, 1, 1], [0.1, 1, 1, 1]]); // head 0

        Assert.IsTrue(lora.TrueForAll(part => part.Factors.B.narrow(0, 0, size).count_nonzero().item<long>() == 0));
        var scores = training.Scores();
        Loss(golden, set).backward();
        var expected = Enumerable.Range(0, 2).Select(k => Enumerable.Range(2 * k, 2).Select(j => (lora[j].Factors.B.grad! * before[j]).view(4, -1).sum(1)).Aggregate((a, b) => a + b).abs()).ToArray();
        for (var k = 0; k < 2; k++)
        {
            Golden.Close.Assert(expected[k] / expected[k].norm(), tensor(Array.ConvertAll(scores[k], s => (float)s)), $"block {k}");
            Assert.IsGreaterThan(0, scores[k][0]);
        }

        training.Silence([[1, 0.1, 1, 1], [1, 0.1, 1, 1]]); // head 1

        for (var j = 0; j < lora.Count; j++)
        {
            before[j].narrow(0, size, size).zero_();
            Assert.IsTrue(before[j].equal(lora[j].Factors.B).all().item<bool>());
        }
    }

    [TestMethod]
    [DataRow(0, 1)]
    [DataRow(2, 5)] // after epochs 1, 3, 5, 7 and 9
    [DataRow(4, 3)] // after epochs 1, 5 and 9
    public void Heads_are_measured_again_after_so_many_epochs(int every, int expected)
    {
        using var golden = Load("bert");
        using var set = Set(golden, new HeatOptions { PrunedHeads = 1, WarmupEpochs = 1, RescoreEvery = every });
        using var training = set.CreateTraining()!;
        var measured = 0;
        training.Begin(new LossRun(() => Loss(golden, set), withRecorders: below =>
        {
            measured++;
            return Loss(golden, [.. below, set]);
        }));

        for (var step = 0; step < 100; step++)
        {
            training.AfterStep(new TrainingPoint(step, 100, 1e-3));
        }

        Assert.AreEqual(expected, measured);
        Assert.IsTrue(HeatOptions.Masks(set).TrueForAll(mask => mask.Silent.Count(s => s) == 1));
    }
}
