using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

/// <summary>What only a libtorch with CUDA on a machine with a GPU can show.</summary>
[TestClass]
[TestCategory("Gpu")]
public sealed class GpuTests : LeakCheckedTests
{
    [TestInitialize]
    public void NeedsCuda()
    {
        if (!cuda.is_available()) Assert.Inconclusive("This machine, or this libtorch, has no CUDA.");
    }

    [TestMethod]
    public void TensorsMoveThereAndBack()
    {
        var t = arange(6, ScalarType.Float32).reshape(2, 3);
        var there = t.cuda();
        Assert.IsTrue(there.is_cuda);
        Assert.AreEqual(0, there.device_index);
        Assert.AreEqual("cuda:0", there.device.ToString());
        Assert.IsTrue(t.Equals(there.cpu()));
        Assert.AreEqual(15, there.sum().ToSingle());
        AreClose([0, 1, 2, 3, 4, 5], there);
        using (var copy = there.data<float>()) CollectionAssert.AreEqual(new float[] { 0, 1, 2, 3, 4, 5 }, copy.ToArray());
        AreClose([1, 1, 1], ones(3, device: CUDA));
    }

    [TestMethod]
    public void MixingDevicesIsAnError()
    {
        var e = Assert.ThrowsExactly<ExternalException>(() => ones(2, 2, device: CUDA).mm(ones(2, 2)));
        StringAssert.Contains(e.Message, "device");
        AreClose([2, 2], ones(2, device: CUDA) + 1);
    }

    [TestMethod]
    public void SeedsRepeat()
    {
        manual_seed(3);
        var first = randn(5, device: CUDA).cpu();
        manual_seed(3);
        Assert.IsTrue(first.Equals(randn(5, device: CUDA).cpu()));
        cuda.manual_seed_all(4);
        Assert.IsFalse(first.Equals(randn(5, device: CUDA).cpu()));
        cuda.synchronize();
    }

    private sealed class Doubled : autograd.SingleTensorFunction<Doubled>
    {
        public override string Name => nameof(Doubled);
        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars) => (Tensor)vars[0] * 2;
        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => [grad_output * 2];
    }

    private sealed class Failing : autograd.SingleTensorFunction<Failing>
    {
        public override string Name => nameof(Failing);
        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars) => (Tensor)vars[0] * 2;
        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => throw new FormatException("on the device's thread");
    }

    [TestMethod]
    public void OwnFunctionsRunOnTheDevicesThread()
    {
        var x = ones(4, device: CUDA, requires_grad: true);
        Doubled.apply(x).sum().backward();
        AreClose([2, 2, 2, 2], x.grad!);
        Assert.AreEqual("on the device's thread", Assert.ThrowsExactly<FormatException>(() => Failing.apply(x).sum().backward()).Message);
    }

    [TestMethod]
    public void ATrainingStepInBFloat16()
    {
        manual_seed(0);
        using var model = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 4)).to(CUDA, ScalarType.BFloat16);
        using var optimizer = optim.AdamW(model.parameters().ToArray(), 1e-2);
        var x = randn(64, 16, ScalarType.BFloat16, CUDA);
        var y = randint(4, [64L], device: CUDA);
        float first = 0, last = 0;
        for (int k = 0; k < 40; k++)
        {
            using var scope = NewDisposeScope();
            model.zero_grad();
            var loss = nn.functional.cross_entropy(model.call(x).to(ScalarType.Float32), y);
            loss.backward();
            optimizer.step();
            last = loss.ToSingle();
            if (k == 0) first = last;
        }
        Assert.IsTrue(last < 0.7f * first, $"{first} -> {last}");
    }

    [TestMethod]
    public void SwitchesKeepWhatIsSet()
    {
        bool before = backends.cuda.matmul.allow_tf32;
        backends.cuda.matmul.allow_tf32 = !before;
        Assert.AreEqual(!before, backends.cuda.matmul.allow_tf32);
        backends.cuda.matmul.allow_tf32 = before;
    }

    [TestMethod]
    public void TheFusedAttentionEqualsTheFormula()
    {
        manual_seed(1);
        var q = randn(2, 4, 33, 64, device: CUDA);
        var k = randn(2, 4, 33, 64, device: CUDA);
        var v = randn(2, 4, 33, 64, device: CUDA);
        var expected = (q.matmul(k.transpose(-2, -1)) / 8).softmax(-1).matmul(v);
        Assert.IsTrue(nn.functional.scaled_dot_product_attention(q, k, v).allclose(expected, rtol: 1e-3, atol: 1e-3));
    }

    [TestMethod]
    public void TooMuchMemoryIsAnError()
    {
        Assert.ThrowsExactly<ExternalException>(() => empty(1L << 45, device: CUDA));
        AreClose([1], ones(1, device: CUDA));
    }
}
