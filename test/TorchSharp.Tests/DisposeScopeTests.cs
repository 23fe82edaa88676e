using static TorchSharp.torch;

namespace TorchSharp.Tests;

[TestClass]
public sealed class DisposeScopeTests
{
    private static LifetimeStatistics Counts => DisposeScopeManager.Statistics.TensorStatistics;

    [TestInitialize]
    public void Reset() => DisposeScopeManager.Statistics.Reset();

    [TestMethod]
    public void ScopeDisposesWhatWasMadeInIt()
    {
        Tensor inside;
        using (NewDisposeScope()) inside = ones(2) + ones(2);
        Assert.IsTrue(inside.IsInvalid);
        Assert.AreEqual(3, Counts.CreatedInScopeCount);
        Assert.AreEqual(3, Counts.DisposedInScopeCount);
        Assert.AreEqual(0, Counts.CreatedOutsideScopeCount);
        Assert.AreEqual(0, Counts.ThreadTotalLiveCount);
    }

    [TestMethod]
    public void TensorsOutsideScopesAreCountedApart()
    {
        var t = ones(1);
        Assert.AreEqual(1, Counts.CreatedOutsideScopeCount);
        Assert.AreEqual(1, Counts.ThreadTotalLiveCount);
        t.Dispose();
        t.Dispose();
        Assert.AreEqual(1, Counts.DisposedOutsideScopeCount, "a second Dispose does nothing");
        Assert.AreEqual(0, Counts.ThreadTotalLiveCount);
    }

    [TestMethod]
    public void DetachedTensorsSurvive()
    {
        Tensor kept;
        using (var scope = NewDisposeScope())
        {
            kept = ones(1).DetachFromDisposeScope();
            Assert.IsFalse(scope.Contains(kept));
        }
        Assert.IsFalse(kept.IsInvalid);
        Assert.AreEqual(1, Counts.DetachedFromScopeCount);
        kept.Dispose();
        Assert.AreEqual(0, Counts.ThreadTotalLiveCount);
    }

    [TestMethod]
    public void MovingToOuterScopeHandsOver()
    {
        using var outer = NewDisposeScope();
        Tensor moved;
        using (NewDisposeScope()) moved = ones(1).MoveToOuterDisposeScope();
        Assert.IsFalse(moved.IsInvalid);
        Assert.IsTrue(outer.Contains(moved));
        Assert.AreEqual(1, outer.DisposablesCount);
        outer.Dispose();
        Assert.IsTrue(moved.IsInvalid);
    }

    [TestMethod]
    public void MovingOutOfTheOutermostScopeDetaches()
    {
        Tensor t;
        using (NewDisposeScope()) t = ones(1).MoveToOuterDisposeScope();
        Assert.IsFalse(t.IsInvalid);
        t.Dispose();
        Assert.AreEqual(0, Counts.ThreadTotalLiveCount);
    }

    [TestMethod]
    public void DisposeEverythingButKeepsOne()
    {
        using var scope = NewDisposeScope();
        var a = ones(1);
        var b = ones(1);
        var kept = scope.DisposeEverythingBut(b);
        Assert.AreSame(b, kept);
        Assert.IsTrue(a.IsInvalid);
        Assert.IsFalse(b.IsInvalid);
        Assert.AreEqual(1, scope.DisposablesCount);
    }

    [TestMethod]
    public void AttachTakesOver()
    {
        var t = ones(1);
        using (var scope = NewDisposeScope())
        {
            scope.Attach(t);
            Assert.IsTrue(scope.Contains(t));
        }
        Assert.IsTrue(t.IsInvalid);
        Assert.AreEqual(1, Counts.AttachedToScopeCount);
    }

    [TestMethod]
    public void ScopesMayBeClosedOutOfOrder()
    {
        var outer = NewDisposeScope();
        var inner = NewDisposeScope();
        outer.Dispose();
        var t = ones(1);
        Assert.IsTrue(inner.Contains(t));
        inner.Dispose();
        Assert.IsTrue(t.IsInvalid);
        Assert.IsNull(CurrentDisposeScope);
    }

    [TestMethod]
    public void OtherDisposablesAreDisposedToo()
    {
        var d = new Flag();
        using (var scope = NewDisposeScope()) scope.Attach(d);
        Assert.IsTrue(d.Disposed);
    }

    [TestMethod]
    public void ManyTensorsWithHolesKeepTheirPlaces()
    {
        using var scope = NewDisposeScope();
        var kept = new List<Tensor>();
        for (int k = 0; k < 1000; k++)
        {
            var t = ones(1);
            if (k % 7 == 0) kept.Add(t);
            else t.Dispose();
        }
        Assert.AreEqual(kept.Count, scope.DisposablesCount);
        foreach (var t in kept) Assert.IsTrue(scope.Contains(t) && !t.IsInvalid);
    }

    [TestMethod]
    public void AnotherThreadMayDisposeWhileTheOwnerWorks()
    {
        using var scope = NewDisposeScope();
        var all = Enumerable.Range(0, 2000).Select(_ => ones(1)).ToArray();
        var other = new Thread(() => { foreach (var t in all) t.Dispose(); });
        other.Start();
        for (int k = 0; k < 2000; k++) ones(1).Dispose();
        other.Join();
        Assert.AreEqual(0, scope.DisposablesCount);
    }

    [TestMethod]
    public void AnotherThreadHasNoScope()
    {
        using var scope = NewDisposeScope();
        Tensor? made = null;
        var other = new Thread(() => made = ones(1));
        other.Start();
        other.Join();
        Assert.IsFalse(scope.Contains(made!));
        made!.Dispose();
    }

    [TestMethod]
    public void ForgottenTensorsAreFreedByTheFinalizer()
    {
        long before = Tensor.TotalCount;
        Forget();
        for (int k = 0; k < 20 && Tensor.TotalCount > before; k++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.IsTrue(Tensor.TotalCount <= before, $"{Tensor.TotalCount - before} tensors were not freed");
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void Forget()
    {
        for (int k = 0; k < 100; k++) _ = ones(10);
    }

    private sealed class Flag : IDisposable
    {
        public bool Disposed;
        public void Dispose() => Disposed = true;
    }
}
