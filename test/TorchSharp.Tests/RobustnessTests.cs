using System.Diagnostics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Tests;

/// <summary>Errors are managed exceptions with libtorch's words, and the process lives on.</summary>
[TestClass]
public sealed class RobustnessTests : LeakCheckedTests
{
    private static void Fails(string words, Action act)
    {
        var e = Assert.ThrowsExactly<ExternalException>(act);
        StringAssert.Contains(e.Message, words);
        Assert.IsFalse(e.Message.Contains("frame #"), "no backtrace in the message");
    }

    [TestMethod]
    public void WrongShapes()
    {
        var a = ones(2, 3);
        Fails("cannot be multiplied", () => a.matmul(a));
        Fails("cannot be multiplied", () => a.mm(a));
        Fails("must match the size", () => _ = a + ones(4));
        Fails("must match the size", () => a.add_(ones(4)));
        Fails("cannot be multiplied", () => nn.functional.linear(a, ones(5, 7)));
        Fails("invalid for input of size", () => a.view(7));
        Fails("invalid for input of size", () => a.reshape(7));
        Fails("Sizes of tensors must match", () => cat([a, ones(3, 2)], 0));
        Fails("out of range", () => a.select(0, 5));
        Fails("out of range", () => a.sum(7));
        Fails("size", () => ones(2, 2, 2).baddbmm(ones(3, 2, 2), ones(3, 2, 2)));
    }

    [TestMethod]
    public void WrongTypes()
    {
        Fails("type", () => ones(2, 2).mm(ones(2, 2, ScalarType.Float64)));
        Fails("floating point", () => tensor(new long[] { 1, 2 }, requires_grad: true));
        Assert.ThrowsExactly<ArgumentException>(() => ones(2).data<long>());
        Assert.ThrowsExactly<ArgumentException>(() => ones(1).item<double>());
        Assert.ThrowsExactly<ArgumentException>(() => ones(2).item<float>());
    }

    [TestMethod]
    public void WrongIndices()
    {
        var a = ones(3);
        Fails("out of range", () => _ = a[5]);
        Fails("too many indices", () => _ = a[0, 0]);
        using var table = nn.Embedding(4, 2);
        Fails("out of range", () => table.call(tensor(new long[] { 9 })));
        Fails("out of bounds", () => nn.functional.cross_entropy(ones(2, 3), tensor(new long[] { 0, 7 })));
    }

    [TestMethod]
    public void MissingDevice()
    {
        if (cuda.is_available()) Assert.Inconclusive("this machine has CUDA");
        Assert.ThrowsExactly<ExternalException>(() => ones(2, device: CUDA));
        Assert.ThrowsExactly<ExternalException>(() => ones(2).to(CUDA));
        Assert.ThrowsExactly<ArgumentException>(() => device("gpu:x"));
    }

    [TestMethod]
    public void DisposedTensors()
    {
        var a = ones(2);
        a.Dispose();
        Assert.IsTrue(a.IsInvalid);
        Assert.ThrowsExactly<InvalidOperationException>(() => _ = a + 1);
        Assert.ThrowsExactly<InvalidOperationException>(() => _ = a.shape);
        Assert.ThrowsExactly<InvalidOperationException>(() => ones(2).add_(a));
        Assert.ThrowsExactly<InvalidOperationException>(() => cat([ones(2), a]));
        Assert.AreEqual("[disposed]", a.ToString());
    }

    [TestMethod]
    public void NullTensors()
    {
        Assert.ThrowsExactly<NullReferenceException>(() => ones(2).add((Tensor)null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => cat([ones(2), null!]));
    }

    [TestMethod]
    public void HugeSizes()
    {
        // more than memory has, more than the address space holds, and a product that overflows
        Fails("allocate", () => empty(1L << 46));
        Assert.ThrowsExactly<ExternalException>(() => zeros(1L << 60));
        Assert.ThrowsExactly<ExternalException>(() => empty(1L << 40, 1L << 40));
        Assert.ThrowsExactly<ExternalException>(() => zeros(-1));
        AreClose([2, 2], ones(2) + 1);
    }

    [TestMethod]
    public void InPlaceOnALeafIsRefused() => Fails("a leaf Variable that requires grad", () => ones(2, requires_grad: true).add_(1));

    [TestMethod]
    public void ErrorsOfThreadsDoNotMix()
    {
        var messages = new string[8];
        Parallel.For(0, messages.Length, k =>
        {
            for (int n = 0; n < 50; n++)
            {
                using var scope = NewDisposeScope();
                messages[k] = Assert.ThrowsExactly<ExternalException>(() => ones(2, k + 3).mm(ones(2, k + 3))).Message;
            }
        });
        for (int k = 0; k < messages.Length; k++) StringAssert.Contains(messages[k], $"2x{k + 3}");
    }

    [TestMethod]
    public void IndependentTensorsOnSeveralThreads()
    {
        var sums = new float[4];
        Parallel.For(0, sums.Length, k =>
        {
            using var scope = NewDisposeScope();
            var x = full([16], k, ScalarType.Float32);
            for (int n = 0; n < 500; n++) x = x + 1;
            sums[k] = x.sum().ToSingle();
        });
        CollectionAssert.AreEqual(new float[] { 8000, 8016, 8032, 8048 }, sums);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void TenThousandTrainingStepsStayFlat()
    {
        manual_seed(1);
        using var model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4));
        var optimizer = optim.AdamW(model.parameters().ToArray(), 1e-3);
        var x = randn(16, 8);
        var y = randint(4, [16L]);
        void Step()
        {
            using var scope = NewDisposeScope();
            model.zero_grad();
            nn.functional.cross_entropy(model.call(x), y).backward();
            optimizer.step();
        }
        for (int k = 0; k < 500; k++) Step();
        GC.Collect();
        long live = Tensor.TotalCount, memory = Process.GetCurrentProcess().WorkingSet64;
        for (int k = 0; k < 10_000; k++) Step();
        Assert.AreEqual(live, Tensor.TotalCount);
        long grown = Process.GetCurrentProcess().WorkingSet64 - memory;
        Assert.IsTrue(grown < 48 << 20, $"the process grew by {grown >> 20} MiB");
        optimizer.Dispose();
    }
}
