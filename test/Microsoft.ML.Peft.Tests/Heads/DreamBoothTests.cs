using Microsoft.ML.Peft.Heads;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Heads;

/// <summary>Noise, targets and loss of DreamBooth against plain numbers.</summary>
[TestClass]
public sealed class DreamBoothTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void Noise_and_velocity_follow_their_formulas()
    {
        var (clean, noise, kept) = (tensor([1f, 2f, 3f, 4f], 2, 2), tensor([10f, 20f, 30f, 40f], 2, 2), tensor([0.64f, 0.36f]));

        // √0.64 = 0.8 and √0.36 = 0.6
        CollectionAssert.AreEqual(new[] { 6.8f, 13.6f, 25.8f, 34.4f }, Rounded(DreamBooth.Noisy(clean, noise, kept)));
        CollectionAssert.AreEqual(new[] { 7.4f, 14.8f, 15.6f, 20.8f }, Rounded(DreamBooth.Velocity(clean, noise, kept)));
        Assert.AreEqual(0, (DreamBooth.Noisy(clean, noise, ones(2)) - clean).abs().max().item<float>());
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => DreamBooth.Noisy(clean, noise, ones(3))).Message, "what is kept (3)");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => DreamBooth.Velocity(clean, ones(2, 3), kept)).Message, "the noise (2, 3)");

        static float[] Rounded(Tensor t) => [.. t.data<float>().ToArray().Select(x => MathF.Round(x, 4))];
    }

    [TestMethod]
    public void The_class_counts_by_its_own_mean_and_weight()
    {
        var (prediction, target) = (tensor([1f, 3f, 0f, 0f], 4, 1).requires_grad_(true), tensor([0f, 0f, 2f, 4f], 4, 1));
        Assert.AreEqual((1 + 9 + 4 + 16) / 4.0, DreamBooth.Loss(prediction, target).item<float>(), 1e-6);
        var loss = DreamBooth.Loss(prediction, target, 0.5);
        Assert.AreEqual(5 + (0.5 * 10), loss.item<float>(), 1e-6); // means of the halves
        loss.backward();
        CollectionAssert.AreEqual(new[] { 1f, 3f, -1f, -2f }, prediction.grad!.data<float>().ToArray()); // 2·d/2, and half of it for the class
    }

    [TestMethod]
    public void What_does_not_fit_is_refused()
    {
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => DreamBooth.Loss(ones(2, 3), ones(3, 2))).Message, "the target (3, 2)");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => DreamBooth.Loss(ones(3), ones(3), 1)).Message, "has 3 rows");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => DreamBooth.Loss(ones(2), ones(2), 0));
    }
}
