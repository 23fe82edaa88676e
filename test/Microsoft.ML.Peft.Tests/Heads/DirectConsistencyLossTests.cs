using Microsoft.ML.Peft.Heads;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Heads;

[TestClass]
public sealed class DirectConsistencyLossTests
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
    public void It_is_ln_2_where_both_models_predict_the_same()
    {
        var (prediction, target) = (randn(3, 4), randn(3, 4));
        Assert.AreEqual(Math.Log(2), DirectConsistencyLoss.Of(prediction, prediction, target).item<float>(), 1e-6);
        var weights = tensor([1f, 0, 2]);
        var errors = (prediction - target).square().mean([1L]);
        var expected = Math.Log(1 + Math.Exp(2 * ((errors[0] + (errors[2] * 2)).item<float>() / 3)));
        Assert.AreEqual(expected, DirectConsistencyLoss.Of(prediction, target, target, 2, weights).item<float>(), 1e-5);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => DirectConsistencyLoss.Of(prediction, prediction, randn(4, 3))).Message, "the target (4, 3)");
        Assert.ThrowsExactly<ArgumentException>(() => DirectConsistencyLoss.Of(prediction, prediction, target, 2, randn(4)));
    }
}
