using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>The steps of DiffoRA's search.</summary>
[TestClass]
public sealed class DiffoRaGradientTests
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
    public void Logits_learn_nothing_before_the_pairs_have_moved()
    {
        var (matrix, set) = DiffoRaCase.Make(new() { WarmupSearchSteps = 0 });
        using var training = new DiffoRaTraining(new(), matrix, set);
        training.Begin(new LossRun(() => DiffoRaCase.Loss(set, 1), () => DiffoRaCase.Loss(set, 2)));

        Assert.AreEqual(0L, training.ByLogits(() => DiffoRaCase.Loss(set, 2)).count_nonzero().item<long>());
        DiffoRaCase.Randomize(set);
        Assert.AreEqual(6L, training.ByLogits(() => DiffoRaCase.Loss(set, 2)).count_nonzero().item<long>());
        Assert.IsFalse(matrix.Logits.requires_grad);
    }

    [TestMethod]
    public void The_second_order_is_the_slope_of_the_held_back_loss_after_a_step()
    {
        const double Rate = 0.05;
        const float Nudge = 1e-2f;
        var (matrix, set) = DiffoRaCase.Make(new());
        DiffoRaCase.Randomize(set);
        DiffoRaCase.SetLogits(matrix, 0.3, -0.2, 0.5, 0.1, 0, -0.4);
        using var training = new DiffoRaTraining(new(), matrix, set);
        training.Begin(new LossRun(() => DiffoRaCase.Loss(set, 1), () => DiffoRaCase.Loss(set, 2)));

        var gradient = training.SecondOrder(Rate).clone();
        var first = training.ByLogits(() => DiffoRaCase.Loss(set, 2)).clone();

        var numeric = zeros(6);
        for (var k = 0; k < 6; k++)
        {
            numeric[k] = (HeldBackAfterStep(k, Nudge) - HeldBackAfterStep(k, -Nudge)) / (2 * Nudge);
        }

        var size = numeric.norm().item<float>();
        Assert.IsLessThan(1e-2f * size, (gradient - numeric).norm().item<float>());
        Assert.IsGreaterThan(3e-2f * size, (first - numeric).norm().item<float>(), "the orders are alike here, so that this test says nothing");
        Golden.Close.Assert(first, training.SecondOrder(0), "close");

        float HeldBackAfterStep(int k, float by)
        {
            var parameters = set.TrainedParameters().Select(p => p.Parameter).ToArray();
            var before = Array.ConvertAll(parameters, p => p.detach().clone());
            using (no_grad())
            {
                matrix.Logits[k].add_(by);
            }

            matrix.Refresh();
            var gradients = autograd.grad([DiffoRaCase.Loss(set, 1)], parameters);
            using var _ = no_grad();
            for (var p = 0; p < parameters.Length; p++)
            {
                parameters[p].add_(gradients[p], -Rate);
            }

            var loss = DiffoRaCase.Loss(set, 2).item<float>();
            for (var p = 0; p < parameters.Length; p++)
            {
                parameters[p].copy_(before[p]);
            }

            matrix.Logits[k].add_(-by);
            matrix.Refresh();
            return loss;
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Steps_of_the_logits_leave_the_pairs_as_they_are_and_the_reverse(bool secondOrder)
    {
        var options = new DiffoRaOptions { WarmupSearchSteps = 1, SecondOrder = secondOrder };
        var (matrix, set) = DiffoRaCase.Make(options);
        DiffoRaCase.Randomize(set);
        using var training = new DiffoRaTraining(options, matrix, set);
        Assert.AreEqual(new TrainingLead(300, 0.5), training.Begin(new LossRun(() => DiffoRaCase.Loss(set, 1), () => DiffoRaCase.Loss(set, 2))));
        var pairs = set.TrainedParameters().Select(p => p.Parameter.detach().clone()).ToArray();

        training.BeforeForward(new(0, 300, 0.1) { IsLead = true });
        Assert.AreEqual(0L, matrix.Logits.count_nonzero().item<long>(), "the pairs move first");
        training.BeforeForward(new(1, 300, 0.1) { IsLead = true });

        Assert.AreEqual(6L, matrix.Logits.count_nonzero().item<long>());
        Assert.IsTrue(pairs.Zip(set.TrainedParameters()).All(p => p.First.bytes.SequenceEqual(p.Second.Parameter.bytes) && p.Second.Parameter.grad is null));
        DiffoRaCase.Loss(set, 1).backward();
        Assert.IsNull(matrix.Logits.grad);
        training.BeforeForward(new(0, 300, 0.1)); // the run itself
        Assert.IsTrue(set.TrainedParameters().All(p => p.Parameter.grad is not null));
    }
}
