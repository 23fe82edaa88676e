namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>What a function's forward leaves for its backward.</summary>
        public unsafe class AutogradContext : IDisposable
        {
            private readonly Dictionary<string, object> data = [];
            internal List<Tensor> Saved = [];
            internal List<Tensor> Dirty = [];
            internal List<Tensor> Constant = [];
            /// <summary>The native node while there is one; it lives as long as this context is in use.</summary>
            internal nint Node;

            internal AutogradContext() { }

            public bool MaterializeGrads { get; private set; } = true;

            public void set_materialize_grads(bool value) => MaterializeGrads = value;
            public void save_data(string key, object value) => data[key] = value;
            public object get_data(string key) => data[key];
            public void save_for_backward(List<Tensor> tensors) => Saved = [.. tensors];
            public void mark_dirty(List<Tensor> tensors) => Dirty = [.. tensors];
            public void mark_non_differentiable(List<Tensor> tensors) => Constant = [.. tensors];

            public List<Tensor> get_saved_variables()
            {
                if (Node == 0) return [.. Saved];
                var made = new nint[Native.peft_node_saved_count(Node)];
                fixed (nint* p = made) Native.Check(Native.peft_node_saved(Node, p));
                return [.. made.Select(h => h == 0 ? null! : new Tensor(h))];
            }

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            protected virtual void Dispose(bool disposing) => data.Clear();
        }
    }
}
