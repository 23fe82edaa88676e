using System.Runtime.CompilerServices;

namespace TorchSharp;

public static partial class torch
{
    public unsafe partial class Tensor
    {
        [IndexerName("TensorItems")]
        public Tensor this[params TensorIndex[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[params Tensor[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[params long[] indices]
        {
            get => At(indices);
            set => PutAt(indices, value);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1]
        {
            get => At([i1]);
            set => PutAt([i1], value);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2]
        {
            get => At([i1, i2]);
            set => PutAt([i1, i2], value);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3]
        {
            get => At([i1, i2, i3]);
            set => PutAt([i1, i2, i3], value);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4]
        {
            get => At([i1, i2, i3, i4]);
            set => PutAt([i1, i2, i3, i4], value);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5]
        {
            get => At([i1, i2, i3, i4, i5]);
            set => PutAt([i1, i2, i3, i4, i5], value);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5, long i6]
        {
            get => At([i1, i2, i3, i4, i5, i6]);
            set => PutAt([i1, i2, i3, i4, i5, i6], value);
        }

        private const int MostIndices = 64;

        private static IndexItem* Fill(ReadOnlySpan<long> indices, IndexItem* items)
        {
            if (indices.Length > MostIndices) throw new ArgumentException($"{indices.Length} indices; a tensor has at most {MostIndices} dimensions.", nameof(indices));
            for (int k = 0; k < indices.Length; k++)
            {
                items[k].Kind = IndexItem.Integer;
                items[k].Start = indices[k];
            }
            return items;
        }

        private Tensor At(ReadOnlySpan<long> indices)
        {
            var items = stackalloc IndexItem[MostIndices];
            nint made;
            int status = Native.peft_index(Handle, Fill(indices, items), indices.Length, &made);
            GC.KeepAlive(this);
            return Native.Made(status, made);
        }

        private void PutAt(ReadOnlySpan<long> indices, Tensor value)
        {
            var items = stackalloc IndexItem[MostIndices];
            int status = Native.peft_index_put(Handle, Fill(indices, items), indices.Length, value.Handle, 0);
            GC.KeepAlive(this);
            GC.KeepAlive(value);
            Native.Check(status);
        }

        private static IndexItem* Fill(TensorIndex[] indices, IndexItem* items)
        {
            if (indices.Length > MostIndices) throw new ArgumentException($"{indices.Length} indices; a tensor has at most {MostIndices} dimensions.", nameof(indices));
            for (int k = 0; k < indices.Length; k++)
            {
                ref var i = ref indices[k];
                items[k].Kind = i.Kind;
                items[k].Start = i.Start;
                items[k].Stop = i.Stop;
                items[k].Step = i.Step;
                items[k].Handle = i.Handle;
            }
            return items;
        }

        public Tensor index(params TensorIndex[] indices)
        {
            var items = stackalloc IndexItem[MostIndices];
            nint made;
            int status = Native.peft_index(Handle, Fill(indices, items), indices.Length, &made);
            GC.KeepAlive(this);
            Handles.KeepAlive(indices);
            return Native.Made(status, made);
        }

        public Tensor index(params Tensor[] indices) => Ops.index_Tensor.T(this, Arg.Optional(indices));

        public Tensor index_put_(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, false);

        public Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false)
        {
            var items = stackalloc IndexItem[MostIndices];
            int status = Native.peft_index_put(Handle, Fill(indices, items), indices.Length, value.Handle, accumulate ? 1 : 0);
            GC.KeepAlive(this);
            GC.KeepAlive(value);
            Handles.KeepAlive(indices);
            Native.Check(status);
            return this;
        }

        public Tensor index_put_(Tensor value, params Tensor[] indices) => index_put_(value, indices, false);
        public Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false) => Ops.index_put_.Do(this, Arg.Optional(indices), value, accumulate);

        public Tensor index_put_(Scalar value, params TensorIndex[] indices)
        {
            using var t = full([], value, dtype, device);
            return index_put_(t, indices, false);
        }

        public Tensor index_put_(Scalar value, params Tensor[] indices)
        {
            using var t = full([], value, dtype, device);
            return index_put_(t, indices, false);
        }
    }
}
