using System.Runtime.CompilerServices;

namespace TorchSharp;

public static partial class torch
{
    public unsafe partial class Tensor
    {
        public long[] shape
        {
            get
            {
                var all = new ReadOnlySpan<long>(Native.peft_sizes(Handle), (int)Native.peft_dim(Handle)).ToArray();
                GC.KeepAlive(this);
                return all;
            }
        }

        /// <summary>The sizes without a copy. Good until the next in-place change of shape, and while the tensor is alive.</summary>
        internal ReadOnlySpan<long> Sizes
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => new(Native.peft_sizes(Handle), (int)Native.peft_dim(Handle));
        }

        public long[] size() => shape;

        public long size(int dim)
        {
            var all = Sizes;
            int d = dim < 0 ? dim + all.Length : dim;
            if ((uint)d >= (uint)all.Length)
                throw new ArgumentOutOfRangeException(nameof(dim), dim, $"Dimension out of range: the tensor has {all.Length} dimensions.");
            long n = all[d];
            GC.KeepAlive(this);
            return n;
        }

        public long[] stride()
        {
            var all = new ReadOnlySpan<long>(Native.peft_strides(Handle), (int)Native.peft_dim(Handle)).ToArray();
            GC.KeepAlive(this);
            return all;
        }

        public long stride(int dim)
        {
            var all = stride();
            int d = dim < 0 ? dim + all.Length : dim;
            if ((uint)d >= (uint)all.Length)
                throw new ArgumentOutOfRangeException(nameof(dim), dim, $"Dimension out of range: the tensor has {all.Length} dimensions.");
            return all[d];
        }

        public long dim() => Alive(Native.peft_dim(Handle));
        public long ndim => dim();
        public long Dimensions => dim();
        public long numel() => Alive(Native.peft_numel(Handle));
        public long NumberOfElements => numel();
        public long element_size() => Alive(Native.peft_element_size(Handle));
        public long ElementSize => element_size();
        public ScalarType dtype => (ScalarType)Alive(Native.peft_dtype(Handle));

        public long storage_offset()
        {
            void* data;
            long bytes, offset;
            Native.Check(Native.peft_storage(Handle, &data, &bytes, &offset));
            return Alive(offset);
        }

        public Device device => Device.Unpack(Alive(Native.peft_device(Handle)));
        public DeviceType device_type => (DeviceType)(int)Alive(Native.peft_device(Handle));
        public int device_index => (int)(Alive(Native.peft_device(Handle)) >> 32);
        public bool is_cuda => device_type == DeviceType.CUDA;
        public bool is_meta => device_type == DeviceType.META;
        public bool is_cpu() => device_type == DeviceType.CPU;
        // libtorch's Layout: 0 strided, 1 sparse COO
        public bool is_sparse => Alive(Native.peft_layout(Handle)) == 1;

        public bool is_contiguous()
        {
            int yes;
            Native.Check(Native.peft_is_contiguous(Handle, &yes));
            return Alive(yes) != 0;
        }

        public bool is_pinned()
        {
            int yes;
            Native.Check(Native.peft_is_pinned(Handle, &yes));
            return Alive(yes) != 0;
        }

        public bool is_floating_point() => torch.is_floating_point(dtype);
        public bool is_integral() => torch.is_integral(dtype);
        public bool is_complex() => torch.is_complex(dtype);
        public bool is_quantized() => torch.is_quantized(dtype);

        // The object must outlive the native read of its handle.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private T Alive<T>(T value)
        {
            GC.KeepAlive(this);
            return value;
        }
    }
}
