using System.Runtime.CompilerServices;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor of libtorch: a handle to one reference of it.</summary>
    public partial class Tensor : IDisposable
    {
        private static long total;
        private static long peak;
        private static readonly ConditionalWeakTable<Tensor, string> labels = [];

        private nint handle;
        internal DisposeScope? Owner;
        internal int Place;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Tensor(nint handle)
        {
            this.handle = handle;
            long now = Interlocked.Increment(ref total);
            if (now > peak) peak = now;
            var manager = DisposeScopeManager.OfThread;
            var scope = manager.Current;
            if (scope is null)
            {
                manager.Tensors.CreatedOutsideScopeCount++;
                return;
            }
            manager.Tensors.CreatedInScopeCount++;
            scope.Add(this);
        }

        /// <summary>Takes over another tensor's reference; that one is empty afterwards.</summary>
        internal Tensor(Tensor from) : this(from.DecoupleFromNativeHandle()) { }

        ~Tensor() => Dispose(false);

        public static long TotalCount => total;
        public static long PeakCount => peak;

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
            GC.SuppressFinalize(this);
            Owner?.MarkAsDisposed(this);
            nint h = Interlocked.Exchange(ref handle, 0);
            if (h != 0) Interlocked.Decrement(ref total);
            return h;
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            // Two threads may dispose, or one dispose while the finalizer runs: only one gets the handle.
            nint h = Interlocked.Exchange(ref handle, 0);
            if (h == 0) return;
            Interlocked.Decrement(ref total);
            if (disposing)
            {
                var manager = DisposeScopeManager.OfThread;
                if (Owner is { } owner)
                {
                    owner.Remove(this);
                    manager.Tensors.DisposedInScopeCount++;
                }
                else manager.Tensors.DisposedOutsideScopeCount++;
            }
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
