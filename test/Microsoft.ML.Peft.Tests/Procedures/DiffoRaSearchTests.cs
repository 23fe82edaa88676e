using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Procedures;
using Microsoft.ML.Peft.Tests.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Procedures;

/// <summary>The search of DiffoRA by itself.</summary>
[TestClass]
public sealed class DiffoRaSearchTests
{
    private static readonly DiffoRaOptions s_options = new() { SearchSteps = 60, WarmupSearchSteps = 10, KeepRatio = 0.4, SplitSeed = 5 };

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
    public void Half_of_the_rows_train_the_pairs_and_the_other_half_the_logits()
    {
        var (matrix, set) = DiffoRaCase.Make(s_options);
        var (pairs, logits) = (new HashSet<int>(), new HashSet<int>());
        var calls = 0;
        var found = DiffoRaSearch.Run(set, 20, rows =>
        {
            (matrix.Logits.requires_grad ? logits : pairs).UnionWith(rows);
            calls++;
            return DiffoRaCase.Loss(set, rows[0]);
        }, new() { BatchSize = 4 });

        Assert.AreSame(matrix, found);
        Assert.AreEqual(60 + 50, calls);
        Assert.HasCount(10, pairs);
        Assert.HasCount(10, logits);
        Assert.IsFalse(pairs.Overlaps(logits));
        Assert.IsTrue(found.IsDiscrete);
        Assert.AreEqual(2, found.Candidates.Count(c => c.HasOwn));
    }

    [TestMethod]
    public void It_selects_the_layers_that_the_loss_needs()
    {
        var (matrix, set) = DiffoRaCase.Make(s_options with { SearchSteps = 150 });
        var x = randn(20, 6);
        var wanted = matrix.Candidates.Select((part, k) => part.call(x).detach() + (k is 1 or 5 ? x.mm(randn(6, 4)) : zeros(20, 4))).ToList();

        DiffoRaSearch.Run(set, 20, rows => matrix.Candidates.Select((part, k) =>
        {
            var some = tensor(Array.ConvertAll(rows, row => (long)row));
            return (part.call(x.index_select(0, some)) - wanted[k].index_select(0, some)).square().mean();
        }).Aggregate((a, b) => a + b), new() { BatchSize = 5, LearningRate = 1e-2, MaxGradientNorm = 0 });

        CollectionAssert.AreEqual(new[] { "block.0.k", "block.1.v" }, matrix.Candidates.Where(c => c.HasOwn).Select(c => c.Path).ToArray());
    }

    [TestMethod]
    public void What_cannot_be_searched_is_refused()
    {
        var (matrix, set) = DiffoRaCase.Make(s_options);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => DiffoRaSearch.Run(set, 1, _ => zeros(1)));
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => DiffoRaSearch.Run(set, 20, _ => DiffoRaCase.Loss(set, 1) * double.NaN)).Message, "lower LearningRate");
        DiffoRaCase.Discretise(matrix, true, false, false, false, false, true);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => DiffoRaSearch.Run(set, 20, _ => DiffoRaCase.Loss(set, 1))).Message, "selected already");
        using var lora = AdapterSet.ForWeights(new LoraOptions(), [new LinearWeight("block.0.query", randn(4, 6))], 1);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => DiffoRaSearch.Run(lora, 20, _ => zeros(1))).Message, "has no such search");
    }

    [TestMethod]
    public void What_was_selected_goes_on_a_model_as_a_new_adapter()
    {
        using var bert = new TinyBert();
        using var model = TextClassifier.Load(bert.Folder, new() { Adapter = new DiffoRaOptions { SearchSteps = 4, WarmupSearchSteps = 1 }, Labels = ["a", "b"] });
        var matrix = model.Adapter.Adapters.OfType<DifferentialAdaptationMatrix>().Single();
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => matrix.Apply(model.Model.Backbone)).Message, "has not ended");
        DiffoRaSearch.Run(model.Adapter, 8, rows => matrix.Candidates[rows[0] % 2].call(ones(1, matrix.Candidates[rows[0] % 2].Layer.InFeatures)).square().mean());

        using var again = matrix.Apply(model.Model.Backbone, "again");

        var other = again.Adapters.OfType<DifferentialAdaptationMatrix>().Single();
        CollectionAssert.AreEqual(matrix.Pairs.ToArray(), other.Pairs.ToArray());
        Assert.AreEqual(again.TrainableCount, matrix.Candidates.Concat<Adapter>([matrix]).SelectMany(part => part.parameters()).Where(p => p.requires_grad).Distinct().Sum(p => p.numel()));
        Assert.IsTrue(again.ChangesNothing());
    }
}
