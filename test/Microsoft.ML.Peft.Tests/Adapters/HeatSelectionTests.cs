using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.HeatModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Which heads HEAT silences.</summary>
[TestClass]
public sealed class HeatSelectionTests
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
}
