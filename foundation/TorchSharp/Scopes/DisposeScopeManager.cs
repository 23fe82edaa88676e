using System.Runtime.CompilerServices;

namespace TorchSharp;

/// <summary>The dispose scopes of one thread, innermost last, and its counts.</summary>
public class DisposeScopeManager
{
    [ThreadStatic] private static DisposeScopeManager? mine;

    internal static DisposeScopeManager OfThread
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => mine ?? Make();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static DisposeScopeManager Make()
    {
        mine = new DisposeScopeManager();
        lock (all) all.Add(mine.counts);
        return mine;
    }

    // Each thread counts for itself: a counter of all threads would cost two atomic operations a tensor.
    private sealed class Counts
    {
        internal long Made, Gone;
    }

    private static readonly List<Counts> all = [];
    private readonly Counts counts = new();
    internal ref long Made => ref counts.Made;
    internal ref long Gone => ref counts.Gone;

    internal static long LiveTensors
    {
        get
        {
            lock (all) return all.Sum(c => Volatile.Read(ref c.Made) - Volatile.Read(ref c.Gone));
        }
    }

    public static ThreadDisposeScopeStatistics Statistics => OfThread.statistics;

    private readonly ThreadDisposeScopeStatistics statistics = new();
    internal LifetimeStatistics Tensors => statistics.TensorStatistics;
    internal DisposeScope? Current;

    internal DisposeScope Open() => Current = new DisposeScope(this, Current);

    // Scopes may be closed out of order: one in the middle is taken out of the chain.
    internal void Remove(DisposeScope scope)
    {
        if (Current == scope)
        {
            Current = scope.Outer;
            return;
        }
        for (var s = Current; s is not null; s = s.Outer)
        {
            if (s.Outer != scope) continue;
            s.Outer = scope.Outer;
            return;
        }
    }
}
