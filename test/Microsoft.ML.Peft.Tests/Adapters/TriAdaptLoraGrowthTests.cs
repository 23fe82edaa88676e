using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>How TriAdaptLoRA grows.</summary>
[TestClass]
public sealed class TriAdaptLoraGrowthTests
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
    [DataRow(false)]
    [DataRow(true)]
    public void Growing_adds_a_block_and_keeps_the_update_up_to_its_factor(bool rescales)
    {
        var part = Make(new() { InitialRank = 2, RescalesOnGrowth = rescales });
        Randomize(part);
        part.Evaluate();
        using var set = AdapterSet.Of("x", new TriAdaptLoraOptions(), [part], 1);
        using var optimizer = new FlatAdamW(set.TrainedParameters());
        var before = part.Delta().detach().clone();

        part.Grow(4);
        optimizer.Follow(set.TrainedParameters());

        Assert.AreEqual(6, part.Rank);
        Assert.AreEqual(2, optimizer.GroupCount);
        CollectionAssert.AreEqual(new long[] { 4, 6 }, Parameter(part, "lora_Crow_1").shape);
        CollectionAssert.AreEqual(new long[] { 6, 4 }, Parameter(part, "lora_Ccol_1").shape);
        Golden.Close.Assert(rescales ? before : before * ((2 + 1e-5) / (6 + 1e-5)), part.Delta(), "update", 1e-6);
        Assert.IsLessThan(0, part.Evaluate(), "a layer that has just grown stands back");
    }

    [TestMethod]
    public void What_a_core_learns_is_its_score_by_blocks_or_by_rank()
    {
        var (blocks, rank) = (Make(new() { InitialRank = 3 }), Make(new() { InitialRank = 3, Divisor = TriAdaptDivisor.Rank }));
        Fill(blocks, "lora_Crow_0", 2);
        Fill(rank, "lora_Crow_0", 2);

        Assert.AreEqual(6, blocks.Evaluate(), 1e-6); // √(9·4)
        Assert.AreEqual(2, rank.Evaluate(), 1e-6);
    }

    [TestMethod]
    [DataRow(RankGrowth.Linear, false, "12@10 28@20 32@30")]
    [DataRow(RankGrowth.NonLinear, false, "8@10 12@20 20@30 28@40 36@50")]
    [DataRow(RankGrowth.NonLinear, true, "8@10 12@20 20@30 28@40 32@50")]
    [DataRow(RankGrowth.Fixed, false, "8@10 12@20 16@30 20@40 24@50 28@60 32@70")]
    public void Four_layers_grow_from_1_to_8_by_the_schedule(RankGrowth growth, bool strict, string expected)
    {
        var options = new TriAdaptLoraOptions { TotalSteps = 100, Interval = 10, Growth = growth, IsStrict = strict };
        var parts = Enumerable.Range(0, 4).Select(_ => Make(options)).ToList();
        using var training = new TriAdaptLoraTraining(options, parts);
        var totals = new List<string>();
        for (var step = 1; step <= 100; step++)
        {
            var before = parts.Sum(part => part.Rank);
            foreach (var (part, k) in parts.Select((part, k) => (part, k)))
            {
                Fill(part, "lora_Crow_0", step * step * (3.3 + (k * k))); // no two alike
            }

            training.AfterStep(new(step - 1, 100, 1e-3));
            if (parts.Sum(part => part.Rank) is var total && total > before)
            {
                totals.Add($"{total}@{step}");
            }
        }

        Assert.AreEqual(expected, string.Join(' ', totals));
    }

    [TestMethod]
    [DataRow(false, 4)]
    [DataRow(true, 2)]
    public void Layers_with_equal_scores_grow_together_unless_the_budget_is_strict(bool strict, int grown)
    {
        var options = new TriAdaptLoraOptions { TotalSteps = 10, TargetTotalRank = 12, IsStrict = strict };
        var parts = Enumerable.Range(0, 4).Select(_ => Make(options)).ToList();
        using var training = new TriAdaptLoraTraining(options, parts);

        training.AfterStep(new(9, 10, 1e-3));

        Assert.AreEqual(grown, parts.Count(part => part.Rank == 5));
    }

    [TestMethod]
    public void Blocks_that_are_joined_for_a_step_have_the_gradients_of_blocks_that_are_not()
    {
        var options = new TriAdaptLoraOptions { ReferenceRank = 4, TotalSteps = 100, Interval = 100 };
        var part = Make(options with { BlockSizes = new Dictionary<string, IReadOnlyList<int>> { ["block.0.query"] = [1, 2, 1] } });
        Randomize(part);
        using var training = new TriAdaptLoraTraining(options, [part]);
        var x = randn(3, 6);
        var apart = Gradients();
        training.BeforeForward(new(0, 100, 1e-3));
        var joined = Gradients();
        training.AfterStep(new(0, 100, 1e-3));

        Assert.IsFalse(training.HasChanged);
        for (var k = 0; k < apart.Count; k++)
        {
            Golden.Close.Assert(apart[k], joined[k], $"parameter {k}", 1e-6);
        }

        Randomize(part);
        Golden.Close.Assert(part.Delta(), part.call(eye(6)).sub(part.Layer.Bias!).t().sub(part.Layer.Weight.Dense()), "numbers of a step before");

        List<Tensor> Gradients()
        {
            (part.call(x).square().sum() + part.Skewness()).backward();
            training.BeforeStep(new(0, 100, 1e-3));
            var found = part.parameters().Select(p => p.grad!.clone()).ToList();
            foreach (var parameter in part.parameters())
            {
                parameter.grad = null;
            }

            return found;
        }
    }

    [TestMethod]
    public void What_appears_mid_run_follows_the_schedule_with_a_decay_of_its_own_and_the_others_keep_their_moments()
    {
        var part = Make(new() { InitialRank = 2, WeightDecay = 0.5 });
        using var set = AdapterSet.Of("x", new TriAdaptLoraOptions(), [part], 1);
        using var optimizer = new FlatAdamW(set.TrainedParameters());
        var first = Parameter(part, "lora_A_0");
        Step(1, 0.1);
        part.Grow(2);
        optimizer.Follow(set.TrainedParameters());
        var grown = Parameter(part, "lora_A_1");
        var (old, fresh) = (first.detach().clone(), grown.detach().clone());

        Step(-1, 0.01);

        Golden.Close.Assert((fresh * (1 - (0.01 * 0.5))) + 0.01, grown.detach(), "Adam's first step is as long as the rate");
        var mean = ((0.9 * 0.1) - 0.1) / (1 - (0.9 * 0.9)); // of 1 and −1; the squares are 1
        Golden.Close.Assert(old - (0.01 * mean), first.detach(), "a second step has the moments of the first");

        void Step(double gradient, double rate)
        {
            foreach (var parameter in part.parameters())
            {
                parameter.grad = full_like(parameter, gradient).detach();
            }

            optimizer.Step(rate, 0);
        }
    }

    private static TriAdaptLora Make(TriAdaptLoraOptions options)
    {
        using var initialization = new Initialization(0);
        return new TriAdaptLora(new LinearLayer("block.0.query", 0, new DenseWeight(randn(4, 6)), randn(4)), options, new AdapterBuild([], initialization));
    }

    private static Parameter Parameter(TriAdaptLora part, string name) => part.get_parameter(name)!;

    private static void Randomize(TriAdaptLora part)
    {
        using var _ = no_grad();
        foreach (var parameter in part.parameters())
        {
            nn.init.normal_(parameter, std: 0.5);
        }
    }

    private static void Fill(TriAdaptLora part, string name, double value)
    {
        using var _ = no_grad();
        Parameter(part, name).fill_(value);
    }
}
