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

    private static Tensor Loss(Parameter[] p) => p[0].pow(2).sum() + (p[1] * 3).sin().sum();
}
