namespace TorchSharp;

/// <summary>Disposes what was made on its thread while it was the innermost scope, except what was detached or moved.</summary>
/// <remarks>
/// Tensors stand in an array and know their place in it, so adding and removing costs no look-up. A tensor that another
/// thread disposes or takes away only loses its owner; its stale place is skipped here. The array itself is never touched
/// by another thread.
/// </remarks>
public sealed class DisposeScope : IDisposable
{
    [ThreadStatic] private static torch.Tensor?[]? spare;

    private readonly DisposeScopeManager manager;
    private readonly int thread = Environment.CurrentManagedThreadId;
    private torch.Tensor?[] tensors;
    private int count;
    private HashSet<IDisposable>? others;
    private bool closed;
    internal DisposeScope? Outer;

    internal DisposeScope(DisposeScopeManager manager, DisposeScope? outer)
    {
        this.manager = manager;
        Outer = outer;
        tensors = spare ?? new torch.Tensor?[64];
        spare = null;
    }

    public int DisposablesCount
    {
        get
        {
            int n = others?.Count ?? 0;
            for (int k = 0; k < count; k++) if (Holds(k)) n++;
            return n;
        }
    }

    public IReadOnlyList<IDisposable> DisposablesView
    {
        get
        {
            var all = new List<IDisposable>();
            for (int k = 0; k < count; k++) if (Holds(k)) all.Add(tensors[k]!);
            if (others is not null) all.AddRange(others);
            return all;
        }
    }

    private bool Holds(int k) => tensors[k] is { } t && t.Owner == this && t.Place == k;

    internal void Add(torch.Tensor t)
    {
        if (count == tensors.Length) Grow();
        t.EnterScope(this);
        t.Place = count;
        tensors[count++] = t;
    }

    // Long-lived scopes collect empty places: they are squeezed out before the array is made larger.
    private void Grow()
    {
        int kept = 0;
        for (int k = 0; k < count; k++)
        {
            if (!Holds(k)) continue;
            var t = tensors[k]!;
            t.Place = kept;
            tensors[kept++] = t;
        }
        Array.Clear(tensors, kept, count - kept);
        count = kept;
        if (kept > tensors.Length / 2) Array.Resize(ref tensors, tensors.Length * 2);
    }

    /// <summary>Lets a living tensor go: it stands on its own from here on.</summary>
    internal void Remove(torch.Tensor t)
    {
        t.LeaveScope();
        Forget(t);
    }

    /// <summary>Empties the place of a tensor that is gone, or on its own.</summary>
    internal void Forget(torch.Tensor t)
    {
        if (Environment.CurrentManagedThreadId != thread) return;
        int place = t.Place;
        tensors[place] = null;
        if (place == count - 1) count--;
    }

    public bool Contains(IDisposable disposable) =>
        disposable is torch.Tensor t ? t.Owner == this : others is not null && others.Contains(disposable);

    public void Attach(IDisposable disposable)
    {
        if (disposable is torch.Tensor t)
        {
            if (t.Owner == this) return;
            t.Owner?.Forget(t);
            Add(t);
            manager.Tensors.AttachedToScopeCount++;
        }
        else (others ??= []).Add(disposable);
    }

    public void Attach(params IDisposable[] disposables) => Attach((IEnumerable<IDisposable>)disposables);

    public IReadOnlyList<IDisposable> Attach(IEnumerable<IDisposable> disposables)
    {
        var all = disposables as IReadOnlyList<IDisposable> ?? [.. disposables];
        foreach (var d in all) Attach(d);
        return all;
    }

    private void DetachOne(IDisposable disposable)
    {
        if (disposable is torch.Tensor t)
        {
            if (t.Owner != this) return;
            Remove(t);
            manager.Tensors.DetachedFromScopeCount++;
        }
        else others?.Remove(disposable);
    }

    public T Detach<T>(T disposable) where T : IDisposable
    {
        DetachOne(disposable);
        return disposable;
    }

    public (T1 first, T2 second) Detach<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable =>
        (Detach(first), Detach(second));

    public (T1 first, T2 second, T3 third) Detach<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable => (Detach(first), Detach(second), Detach(third));

    public void Detach(params IDisposable[] disposables) => Detach((IEnumerable<IDisposable>)disposables);

    public void Detach(IEnumerable<IDisposable> disposables)
    {
        foreach (var d in disposables) DetachOne(d);
    }

    private void MoveOne(DisposeScope? scope, IDisposable disposable)
    {
        if (!Contains(disposable)) return;
        if (disposable is torch.Tensor t)
        {
            if (scope is null)
            {
                Remove(t);
                manager.Tensors.DetachedFromScopeCount++;
                return;
            }
            Forget(t);
            scope.Add(t);
            return;
        }
        others!.Remove(disposable);
        if (scope is not null) (scope.others ??= []).Add(disposable);
    }

    public T MoveToOuter<T>(T disposable) where T : IDisposable => MoveToOther(Outer!, disposable);

    public (T1 first, T2 second) MoveToOuter<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable =>
        (MoveToOuter(first), MoveToOuter(second));

    public (T1 first, T2 second, T3 third) MoveToOuter<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable => (MoveToOuter(first), MoveToOuter(second), MoveToOuter(third));

    public void MoveToOuter(params IDisposable[] disposables) => MoveToOuter((IEnumerable<IDisposable>)disposables);

    public void MoveToOuter(IEnumerable<IDisposable> disposables) => MoveToOther(Outer!, disposables);

    // scope is null where there is no outer scope: then the object is on its own.
    public T MoveToOther<T>(DisposeScope scope, T disposable) where T : IDisposable
    {
        MoveOne(scope, disposable);
        return disposable;
    }

    public (T1 first, T2 second) MoveToOther<T1, T2>(DisposeScope scope, T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable =>
        (MoveToOther(scope, first), MoveToOther(scope, second));

    public (T1 first, T2 second, T3 third) MoveToOther<T1, T2, T3>(DisposeScope scope, T1 first, T2 second, T3 third)
        where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable =>
        (MoveToOther(scope, first), MoveToOther(scope, second), MoveToOther(scope, third));

    public void MoveToOther(DisposeScope scope, params IDisposable[] disposables) => MoveToOther(scope, (IEnumerable<IDisposable>)disposables);

    public void MoveToOther(DisposeScope scope, IEnumerable<IDisposable> disposables)
    {
        foreach (var d in disposables) MoveOne(scope, d);
    }

    public void DisposeEverything() => DisposeEverythingBut(Array.Empty<IDisposable>());

    public T DisposeEverythingBut<T>(T keep) where T : IDisposable
    {
        DisposeEverythingBut([keep]);
        return keep;
    }

    public (T1 first, T2 second) DisposeEverythingBut<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable
    {
        DisposeEverythingBut([first, second]);
        return (first, second);
    }

    public (T1 first, T2 second, T3 third) DisposeEverythingBut<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable
    {
        DisposeEverythingBut([first, second, third]);
        return (first, second, third);
    }

    public void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);

    public void DisposeEverythingBut(IEnumerable<IDisposable> inKeep)
    {
        var keep = inKeep as ICollection<IDisposable> is { Count: 0 } ? null : new HashSet<IDisposable>(inKeep, ReferenceEqualityComparer.Instance);
        int n = count;
        for (int k = 0; k < n; k++)
        {
            if (!Holds(k)) continue;
            var t = tensors[k]!;
            if (keep is null || !keep.Contains(t)) t.Dispose();
        }
        if (others is null) return;
        foreach (var d in others.ToArray())
        {
            if (keep is not null && keep.Contains(d)) continue;
            others.Remove(d);
            d.Dispose();
        }
    }

    /// <summary>Takes an object that was disposed elsewhere out of the scope.</summary>
    public void MarkAsDisposed(IDisposable disposable)
    {
        if (disposable is torch.Tensor t)
        {
            if (t.Owner != this) return;
            Remove(t);
            manager.Tensors.DisposedInScopeCount++;
        }
        else others?.Remove(disposable);
    }

    // A scope that was never closed and whose thread is gone: its tensors have no finalizers of their own.
    ~DisposeScope()
    {
        if (!closed) DisposeEverything();
    }

    public void Dispose()
    {
        if (closed) return;
        GC.SuppressFinalize(this);
        closed = true;
        DisposeEverything();
        manager.Remove(this);
        Array.Clear(tensors, 0, count);
        count = 0;
        // The next scope of this thread takes the array over; a very large one is not worth keeping.
        if (Environment.CurrentManagedThreadId == thread && tensors.Length <= 4096) spare = tensors;
        tensors = [];
    }
}
