using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Training;

/// <summary>The flat optimizer against TorchSharp's own AdamW.</summary>
[TestClass]
public sealed class FlatAdamWTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(3);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void Steps_equal_those_of_TorchSharp()
    {
        var starts = new[] { randn(3, 4), randn(5) };
        var mine = starts.Select(t => new Parameter(t.clone())).ToArray();
        var theirs = starts.Select(t => new Parameter(t.clone())).ToArray();
        using var flat = new FlatAdamW(mine, weightDecay: 0.1);
        using var peer = optim.AdamW(theirs, lr: 1e-2, weight_decay: 0.1);
        for (var step = 0; step < 5; step++)
        {
            Loss(mine).backward();
            flat.Step(1e-2, maxGradientNorm: 0);
            peer.zero_grad();
            Loss(theirs).backward();
            peer.step();
        }

        for (var k = 0; k < mine.Length; k++)
        {
            Assert.IsTrue(theirs[k].allclose(mine[k], rtol: 1e-5, atol: 1e-6), $"parameter {k}");
        }
    }

    [TestMethod]
    public void What_is_forgotten_has_no_momentum_and_the_rest_goes_on()
    {
        var starts = new[] { randn(3, 4), randn(3, 4) };
        var mine = starts.Select(t => new Parameter(t.clone())).ToArray();
        var peers = starts.Select(t => new Parameter(t.clone())).ToArray();
        using var flat = new FlatAdamW(mine);
        using var peer = new FlatAdamW(peers);
        Loss(mine).backward();
        Loss(peers).backward();
        flat.Step(1e-2, 0);
        peer.Step(1e-2, 0);
        flat.Forget([(mine[1], tensor(new[] { 1f, 0, 1 }).unsqueeze(1))]);
        var before = mine[1].detach().clone();

        foreach (var parameter in mine.Concat(peers))
        {
            parameter.grad = zeros_like(parameter);
        }

        flat.Step(1e-2, 0);
        peer.Step(1e-2, 0);

        Assert.IsTrue(mine[0].equal(peers[0]).all().item<bool>());
        CollectionAssert.AreEqual(new[] { true, false, true }, mine[1].eq(peers[1]).all(1).data<bool>().ToArray());
        CollectionAssert.AreEqual(new[] { false, true, false }, mine[1].eq(before).all(1).data<bool>().ToArray());
    }

    [TestMethod]
    public void Groups_and_parameters_that_come_and_go_equal_optimizers_of_their_own()
    {
        var starts = new[] { randn(3, 4), randn(5), randn(2, 2) };
        var mine = starts.Select(t => new Parameter(t.clone())).ToArray();
        var theirs = starts.Select(t => new Parameter(t.clone())).ToArray();
        OptimizerGroup slow = new("slow", 0.5, Decays: false), late = new("late");
        using var flat = new FlatAdamW([(mine[0], new("")), (mine[1], slow)], weightDecay: 0.1);
        using var peer0 = optim.AdamW([theirs[0]], lr: 1e-2, weight_decay: 0.1);
        using var peer1 = optim.AdamW([theirs[1]], lr: 5e-3, weight_decay: 0);
        using var peer2 = optim.AdamW([theirs[2]], lr: 1e-2, weight_decay: 0.1);
        for (var step = 0; step < 6; step++)
        {
            var (first, third) = (step != 2, step >= 3); // no gradient in step 2; the third parameter comes in step 3
            Sum(mine, first, third).backward();
            flat.Step(1e-2, maxGradientNorm: 0, keepGradients: true);
            Assert.IsNotNull(mine[1].grad);
            (Parameter, OptimizerGroup)[] trained = step < 2 ? [(mine[0], new("")), (mine[1], slow)] : [(mine[0], new("")), (mine[1], slow), (mine[2], late)];
            flat.Follow(step < 4 ? trained : trained[1..]); // the first one goes after step 4
            Assert.IsNull(mine[1].grad);
            Sum(theirs, first, third).backward();
            if (first && step < 5)
            {
                peer0.step();
            }

            peer1.step();
            if (third)
            {
                peer2.step();
            }

            foreach (var p in theirs)
            {
                p.grad = null;
            }
        }

        for (var k = 0; k < mine.Length; k++)
        {
            Assert.IsTrue(theirs[k].allclose(mine[k], rtol: 1e-5, atol: 1e-6), $"parameter {k}");
        }

        static Tensor Sum(Parameter[] p, bool first, bool third)
        {
            var sum = (p[1] * 3).sin().sum();
            sum = first ? sum + p[0].pow(2).sum() : sum;
            return third ? sum + p[2].exp().sum() : sum;
        }
    }

    [TestMethod]
    public void Parameters_of_one_group_that_come_later_count_steps_of_their_own()
    {
        var starts = new[] { randn(3, 4), randn(5), randn(2, 2) };
        var mine = starts.Select(t => new Parameter(t.clone())).ToArray();
        var theirs = starts.Select(t => new Parameter(t.clone())).ToArray();
        OptimizerGroup grown = new("grown") { WeightDecay = 0.2 };
        using var flat = new FlatAdamW([(mine[0], grown)]);
        var peers = theirs.Select(p => optim.AdamW([p], lr: 1e-2, weight_decay: 0.2)).ToArray();
        for (var step = 0; step < 9; step++)
        {
            var there = 1 + (step / 3); // one more every third step
            flat.Follow(mine.Take(there).Select(p => (p, grown)));
            Assert.AreEqual(there, flat.GroupCount);
            Sum(mine.Take(there)).backward();
            Sum(theirs.Take(there)).backward();
            flat.Step(1e-2, maxGradientNorm: 0);
            for (var k = 0; k < there; k++)
            {
                peers[k].step();
                theirs[k].grad = null;
            }
        }

        flat.Follow(mine.Skip(1).Select(p => (p, grown))); // the first one goes
        Sum(mine).backward();
        Sum(theirs).backward();
        flat.Step(1e-2, maxGradientNorm: 0);
        peers[1].step();
        peers[2].step();
        for (var k = 0; k < mine.Length; k++)
        {
            Assert.IsTrue(theirs[k].allclose(mine[k], rtol: 1e-5, atol: 1e-6), $"parameter {k}");
        }

        Array.ForEach(peers, peer => peer.Dispose());

        static Tensor Sum(IEnumerable<Parameter> parameters) => parameters.Select(p => p.pow(2).sum() + (p * 3).sin().sum()).Aggregate((a, b) => a + b);
    }

    [TestMethod]
    public void A_long_gradient_is_shortened_and_a_short_one_is_not()
    {
        // Plain AdamW divides by the size of the gradient; what clipping changes shows in the ratio of two steps.
        Assert.AreEqual(Second(clip: 1, first: 1, second: 0.5), Second(clip: 0, first: 1, second: 0.5), 1e-5);
        Assert.AreEqual(Second(clip: 1, first: 1, second: 50), Second(clip: 0, first: 1, second: 1), 1e-4);

        static float Second(double clip, double first, double second)
        {
            var p = new Parameter(zeros(1));
            using var flat = new FlatAdamW([p]);
            (p * first).sum().backward();
            flat.Step(1e-2, clip);
            (p * second).sum().backward();
            flat.Step(1e-2, clip);
            return p.item<float>();
        }
    }

    [TestMethod]
    public void A_group_can_have_a_rate_of_its_own_that_follows_the_schedule_and_gradients_that_are_not_shortened()
    {
        OptimizerGroup own = new("own") { LearningRate = 0.05, Unclipped = true };
        var mine = new[] { new Parameter(ones(2)), new Parameter(ones(2)) };
        var theirs = new[] { new Parameter(ones(2)), new Parameter(ones(2)) };
        using var flat = new FlatAdamW([(mine[0], new("")), (mine[1], own)]) { HighestLearningRate = 1e-2 };
        using var first = new FlatAdamW([theirs[0]]);
        using var second = new FlatAdamW([theirs[1]]);
        foreach (var (rate, size) in (ReadOnlySpan<(double, double)>)[(1e-2, 0.1), (5e-3, 3)]) // the second step is at half the rate
        {
            ((mine[0] * size).sum() + (mine[1] * size * 1000).sum()).backward();
            flat.Step(rate, maxGradientNorm: 1);
            (theirs[0] * size).sum().backward();
            first.Step(rate, maxGradientNorm: 1);
            (theirs[1] * size * 1000).sum().backward();
            second.Step(rate * 5, maxGradientNorm: 0);
        }

        Assert.IsTrue(theirs[0].allclose(mine[0]) && theirs[1].allclose(mine[1]));
        using var unaware = new FlatAdamW([(mine[1], own)]);
        mine[1].sum().backward();
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => unaware.Step(1e-2, 0)).Message, "'own'");
    }

    private static Tensor Loss(Parameter[] p) => p[0].pow(2).sum() + (p[1] * 3).sin().sum();
}
