using static TorchSharp.torch;

namespace TorchSharp.Tests;

/// <summary>Base class of tests that must leave as many live tensors as they found.</summary>
public abstract class LeakCheckedTests
{
    private DisposeScope? scope;
    private long before;

    [TestInitialize]
    public void Open()
    {
        before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close()
    {
        scope!.Dispose();
        Assert.AreEqual(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount, "tensors alive on this thread after the test");
    }

    protected static void AreClose(float[] expected, Tensor actual, double tolerance = 1e-5)
    {
        using var plain = actual.detach();
        using var single = plain.to(ScalarType.Float32, CPU);
        var values = single.data<float>().ToArray();
        Assert.AreEqual(expected.Length, values.Length);
        for (int k = 0; k < values.Length; k++)
            Assert.AreEqual(expected[k], values[k], tolerance * Math.Max(1, Math.Abs(expected[k])), $"element {k} of [{string.Join(", ", values)}]");
    }
}
