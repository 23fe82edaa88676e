using System.Runtime.CompilerServices;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor of libtorch: a handle to one reference of it.</summary>
    public partial class Tensor : IDisposable
    {
        private static readonly ConditionalWeakTable<Tensor, string> labels = [];

        private nint handle;
        // Who frees the native tensor if nobody disposes this object: the scope it was made in, this object itself if it is a
        // GuardedTensor, or a guard with a finalizer. Objects with finalizers cost five times as much to make, so tensors in
        // scopes, the common case, have none.
        private object? holder;
        internal int Place;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Tensor(nint handle)
        {
            this.handle = handle;
            var manager = DisposeScopeManager.OfThread;
            manager.Made++;
            var scope = manager.Current;
            if (scope is null)
            {
                manager.Tensors.CreatedOutsideScopeCount++;
                holder = new TensorGuard(handle);
                return;
            }
            manager.Tensors.CreatedInScopeCount++;
            scope.Add(this);
        }

        /// <summary>A tensor outside scopes that guards itself: one object less than a guard beside it.</summary>
        private protected Tensor(nint handle, DisposeScopeManager manager)
        {
            this.handle = handle;
            manager.Made++;
            manager.Tensors.CreatedOutsideScopeCount++;
            holder = this;
        }

        /// <summary>An object for a native tensor that was just made.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static Tensor Of(nint handle)
        {
            var manager = DisposeScopeManager.OfThread;
            return manager.Current is null ? new GuardedTensor(handle, manager) : new Tensor(handle);
        }

        /// <summary>Takes over another tensor's reference; that one is empty afterwards.</summary>
        internal Tensor(Tensor from) : this(from.DecoupleFromNativeHandle()) { }

        /// <summary>The scope that disposes this tensor; null: it stands on its own.</summary>
        internal DisposeScope? Owner => holder as DisposeScope;

        internal void EnterScope(DisposeScope scope)
        {
            if (ReferenceEquals(holder, this)) GC.SuppressFinalize(this);
            else if (holder is TensorGuard guard) guard.Release();
            holder = scope;
        }

        internal void LeaveScope()
        {
            if (handle == 0) holder = null;
            else if (this is GuardedTensor)
            {
                GC.ReRegisterForFinalize(this);
                holder = this;
            }
            else holder = new TensorGuard(handle);
        }

        /// <summary>Frees the native tensor of an object that was forgotten.</summary>
        private protected void Forgotten()
        {
            nint h = Interlocked.Exchange(ref handle, 0);
            if (h == 0) return;
            DisposeScopeManager.OfThread.Gone++;
            Native.peft_free(h);
        }

        /// <summary>Tensor objects that hold a native tensor now, on all threads.</summary>
        public static long TotalCount => DisposeScopeManager.LiveTensors;

        public nint Handle
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => handle != 0 ? handle : throw Disposed();
        }

        private static InvalidOperationException Disposed() => new("Tensor invalid -- empty handle.");

        public bool IsInvalid => handle == 0;

        public static Tensor UnsafeCreateTensor(nint handle) => new(handle);

        /// <summary>Gives the native handle away: the caller owns it now, this object is empty.</summary>
        public nint DecoupleFromNativeHandle()
        {
            if (handle != 0 && Owner is { } owner)
            {
                owner.Remove(this);
                DisposeScopeManager.OfThread.Tensors.DisposedInScopeCount++;
            }
            nint h = Take();
            if (h != 0) DisposeScopeManager.OfThread.Gone++;
            return h;
        }

        // Two threads may dispose at once, or the guard's finalizer runs: only one gets the handle.
        private nint Take()
        {
            nint h = Interlocked.Exchange(ref handle, 0);
            if (h != 0 && ReferenceEquals(holder, this)) GC.SuppressFinalize(this);
            else if (h != 0 && holder is TensorGuard guard) h = guard.Release();
            holder = null;
            return h;
        }

        public void Dispose() => Dispose(true);

        protected virtual void Dispose(bool disposing)
        {
            var scope = Owner;
            nint h = Take();
            if (h == 0) return;
            var manager = DisposeScopeManager.OfThread;
            manager.Gone++;
            if (scope is not null)
            {
                scope.Forget(this);
                manager.Tensors.DisposedInScopeCount++;
            }
            else manager.Tensors.DisposedOutsideScopeCount++;
            Native.peft_free(h);
        }

        public Tensor DetachFromDisposeScope()
        {
            Owner?.Detach(this);
            return this;
        }

        [Obsolete("Misspelt; use DetachFromDisposeScope.")]
        public Tensor DetatchFromDisposeScope() => DetachFromDisposeScope();

        public Tensor MoveToOuterDisposeScope()
        {
            Owner?.MoveToOuter(this);
            return this;
        }

        public Tensor MoveToOtherDisposeScope(DisposeScope other)
        {
            if (Owner is { } owner) owner.MoveToOther(other, this);
            else other?.Attach(this);
            return this;
        }

        public Tensor MoveToOtherDisposeScope(Tensor other) => MoveToOtherDisposeScope(other.Owner!);

        /// <summary>A label for people; libtorch does not see it.</summary>
        public string? name
        {
            get => labels.TryGetValue(this, out var s) ? s : null;
            set
            {
                if (value is null) labels.Remove(this);
                else labels.AddOrUpdate(this, value);
            }
        }

        public override bool Equals(object? obj) => obj is Tensor t && Equals(t);

        /// <summary>Same shape and elements.</summary>
        public unsafe bool Equals(Tensor target)
        {
            if (ReferenceEquals(this, target)) return true;
            if (target is null) return false;
            int same;
            Native.Check(Native.peft_equal(Handle, target.Handle, &same));
            GC.KeepAlive(this);
            GC.KeepAlive(target);
            return same != 0;
        }

        public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);
    }
}
