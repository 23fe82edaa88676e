using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Tests.Contracts;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class AdaLoraTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new AdaLoraOptions { InitialRank = 3, TargetRank = 2 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => Count(3, inputs, outputs);

    [TestMethod]
    [DataRow(1, 40)]
    [DataRow(10, 40)]   // the first ten keep all
    [DataRow(50, 19)]   // half of the way: 16 + 24·(1 − 40/80)³
    [DataRow(90, 16)]
    public void The_budget_falls_by_the_cube(int step, int budget)
    {
        // 4 layers from 10 to 4 ranks, 100 steps, of which 10 and 10 stand still.
        var options = new AdaLoraOptions { InitialRank = 10, TargetRank = 4, InitialSteps = 10, FinalSteps = 10, TotalSteps = 100 };
        using var training = new AdaLoraTraining(options, [.. Enumerable.Range(0, 4).Select(_ => Make(options))]);

        Assert.AreEqual(budget, training.Budget(step, 90));
    }

    [TestMethod]
    public void The_least_important_ranks_go_first_and_never_come_back()
    {
        var options = new AdaLoraOptions { InitialRank = 4, TargetRank = 2, FinalSteps = 2, TotalSteps = 8 };
        var (first, second) = (Make(options), Make(options));
        using var training = new AdaLoraTraining(options, [first, second]);
        using (no_grad())
        {
            foreach (var (part, sizes) in new[] { (first, new[] { 9f, 1f, 8f, 2f }), (second, new[] { 3f, 7f, 4f, 6f }) })
            {
                part.A.fill_(1);
                part.B.fill_(1);
                part.E.copy_(tensor(sizes).view(4, 1));
            }
        }

        var left = new List<long>();
        for (var step = 0; step < 8; step++)
        {
            foreach (var parameter in first.parameters().Concat(second.parameters()))
            {
                parameter.grad = ones_like(parameter); // importance of a value is its size
            }

            training.AfterStep(new TrainingPoint(step, 8, 1e-3));
            left.Add((first.E.count_nonzero() + second.E.count_nonzero()).item<long>());
        }

        CollectionAssert.AreEqual(left.OrderDescending().ToArray(), left);
        Assert.AreEqual(4, left[^1]);
        CollectionAssert.AreEqual(new[] { true, false, true, false }, first.Kept!.ToArray());
        CollectionAssert.AreEqual(new[] { false, true, false, true }, second.Kept!.ToArray());
        var delta = first.Delta();
        training.Finish();
        CollectionAssert.AreEqual(new long[] { 2, 6 }, first.A.shape);
        AssertClose(delta, first.Delta()); // divided by the rank at the start as before
    }

    [TestMethod]
    public void A_layer_may_lose_every_rank()
    {
        var (layer, part) = (Layer(), Make(new() { InitialRank = 2, TargetRank = 1 }));
        part.Mask([false, false]);
        part.Cut();

        Assert.AreEqual(0, part.A.size(0));
        AssertClose(Base(layer, Input().fill_(1)), part.call(Input().fill_(1)));
    }

    [TestMethod]
    public void A_run_that_is_too_short_is_refused()
    {
        using var training = new AdaLoraTraining(new() { InitialSteps = 5, FinalSteps = 5 }, [Make(new())]);
        StringAssert.StartsWith(Assert.ThrowsExactly<PeftException>(() => training.AfterStep(new(0, 10, 1))).Message, "The run has 10 steps");
    }

    [TestMethod]
    public void Published_counts_are_met() => Assert.AreEqual(18_353_664, 28 * (Count(64, 3072, 3072) + Count(64, 3072, 1024)));

    private AdaLora Make(AdaLoraOptions options)
    {
        using var initialization = new Initialization(0);
        return new AdaLora(Layer(), options, new AdapterBuild([], initialization));
    }

    private static long Count(long rank, long inputs, long outputs) => rank * (inputs + outputs + 1);
}
