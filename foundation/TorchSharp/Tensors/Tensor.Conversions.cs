using System.Runtime.CompilerServices;

namespace TorchSharp;

public static partial class torch
{
    public unsafe partial class Tensor
    {
        private Tensor To(ScalarType? type, Device? device, bool copy, bool disposeAfter, bool nonBlocking)
        {
            var t = Ops.to_dtype_layout.T(this, type is { } d ? d : default(Arg), default, device is null ? default : device, default, nonBlocking, copy);
            if (disposeAfter) Dispose();
            return t;
        }

        public Tensor to_type(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) => To(type, null, copy, disposeAfter, non_blocking);
        public Tensor to(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) => To(type, null, copy, disposeAfter, non_blocking);
        public Tensor to(ScalarType type, Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) => To(type, device, copy, disposeAfter, non_blocking);
        public Tensor to(Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) => To(null, device, copy, disposeAfter, non_blocking);
        public Tensor to(DeviceType deviceType, int deviceIndex = -1, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            To(null, new Device(deviceType, deviceIndex), copy, disposeAfter, non_blocking);
        public Tensor to(string device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) => To(null, new Device(device), copy, disposeAfter, non_blocking);
        public Tensor to(Tensor other, bool non_blocking = false) => To(other.dtype, other.device, false, false, non_blocking);
        public Tensor type(ScalarType dtype) => to_type(dtype);
        public Tensor type(Func<Tensor, Tensor> typeFunc) => typeFunc(this);
        public Tensor type_as(Tensor tensor) => to_type(tensor.dtype);

        public Tensor cpu() => To(null, CPU, false, false, false);
        public Tensor cuda(Device? device = null, bool non_blocking = false) => To(null, device ?? CUDA, false, false, non_blocking);
        public Tensor mps(bool non_blocking = false) => To(null, MPS, false, false, non_blocking);
        public Tensor pin_memory() => Ops.pin_memory.T(this);
        public Tensor contiguous() => Ops.contiguous.T(this);

        public Tensor @bool() => to_type(ScalarType.Bool);
        public Tensor @byte() => to_type(ScalarType.Byte);
        public Tensor @char() => to_type(ScalarType.Int8);
        public Tensor @short() => to_type(ScalarType.Int16);
        public Tensor @int() => to_type(ScalarType.Int32);
        public Tensor @long() => to_type(ScalarType.Int64);
        public Tensor half() => to_type(ScalarType.Float16);
        public Tensor bfloat16() => to_type(ScalarType.BFloat16);
        public Tensor @float() => to_type(ScalarType.Float32);
        public Tensor @double() => to_type(ScalarType.Float64);
        public Tensor cfloat() => to_type(ScalarType.ComplexFloat32);
        public Tensor cdouble() => to_type(ScalarType.ComplexFloat64);

        public Tensor to_sparse() => Ops.to_sparse.T(this);
        public Tensor to_sparse(int sparse_dim) => Ops.to_sparse_sparse_dim.T(this, sparse_dim);

        public Tensor SparseIndices
        {
            get
            {
                using var whole = Ops.coalesce.T(this);
                return Ops.coo_indices.T(whole);
            }
        }

        public Tensor SparseValues
        {
            get
            {
                using var whole = Ops.coalesce.T(this);
                return Ops.coo_values.T(whole);
            }
        }

        public Tensor set_(Tensor source) => Ops.set__source_Tensor.Do(this, source);

        public Utils.TensorAccessor<T> data<T>() where T : unmanaged => new(this);

        public T item<T>() where T : unmanaged
        {
            if (ElementTypes<T>.Dtype != dtype) ElementTypes.Check<T>(dtype);
            T value;
            // An element has at most 16 bytes; a smaller T takes what it needs, as the types were checked to be equal.
            var place = stackalloc long[2];
            int status = Native.peft_item(Handle, place);
            GC.KeepAlive(this);
            if (status != 0) Refuse(status);
            value = Unsafe.ReadUnaligned<T>(place);
            return value;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Refuse(int status)
        {
            if (numel() != 1) throw new ArgumentException($"The tensor has {numel()} elements; one value can only be taken of one.");
            Native.Throw(status);
        }

        public Scalar ToScalar()
        {
            var place = stackalloc long[2];
            int status = Native.peft_item(Handle, place);
            var type = dtype;
            if (status != 0) Refuse(status);
            return type switch
            {
                ScalarType.Float32 => *(float*)place,
                ScalarType.Float64 => *(double*)place,
                ScalarType.Float16 => *(Half*)place,
                ScalarType.BFloat16 => *(BFloat16*)place,
                ScalarType.Int64 => *place,
                ScalarType.Int32 or ScalarType.QInt32 => *(int*)place,
                ScalarType.Int16 => *(short*)place,
                ScalarType.Int8 or ScalarType.QInt8 => *(sbyte*)place,
                ScalarType.Byte or ScalarType.QUInt8 => *(byte*)place,
                ScalarType.Bool => *(byte*)place != 0,
                ScalarType.ComplexFloat32 => (*(float*)place, ((float*)place)[1]),
                ScalarType.ComplexFloat64 => new System.Numerics.Complex(*(double*)place, ((double*)place)[1]),
                _ => throw new NotSupportedException($"Elements of type {type} are not known."),
            };
        }

        /// <summary>The tensor's memory as bytes. Only where there is such memory: on the CPU, in row order.</summary>
        public Span<byte> bytes
        {
            get
            {
                long n = numel() * element_size();
                if (n > int.MaxValue) throw new NotSupportedException($"The tensor has {n} bytes; a span holds at most {int.MaxValue}.");
                if (device_type != DeviceType.CPU) throw new InvalidOperationException($"The tensor is on {device}; its bytes are only to be had on the CPU.");
                if (!is_contiguous()) throw new InvalidOperationException("The tensor is not contiguous; call contiguous() first.");
                void* data;
                Native.Check(Native.peft_data(Handle, &data));
                return Alive(new ByteSpan(data, (int)n)).Span;
            }
            set
            {
                int status;
                fixed (byte* p = value) status = Native.peft_write(Handle, p, value.Length);
                GC.KeepAlive(this);
                Native.Check(status);
            }
        }

        private readonly struct ByteSpan(void* data, int n)
        {
            internal Span<byte> Span => new(data, n);
        }

        public void WriteBytesToStream(Stream stream, int bufferSize = 1024)
        {
            using var plain = cpu();
            using var t = plain.contiguous();
            void* data;
            Native.Check(Native.peft_data(t.Handle, &data));
            long n = t.numel() * t.element_size();
            for (long at = 0; at < n;)
            {
                int piece = (int)Math.Min(n - at, 1 << 20);
                stream.Write(new ReadOnlySpan<byte>((byte*)data + at, piece));
                at += piece;
            }
            GC.KeepAlive(t);
        }

        public void ReadBytesFromStream(Stream stream, int bufferSize = 1024)
        {
            bool direct = device_type == DeviceType.CPU && is_contiguous();
            using var t = direct ? alias() : torch.empty(shape, dtype, CPU);
            void* data;
            Native.Check(Native.peft_data(t.Handle, &data));
            long n = t.numel() * t.element_size();
            for (long at = 0; at < n;)
            {
                int piece = (int)Math.Min(n - at, 1 << 20);
                stream.ReadExactly(new Span<byte>((byte*)data + at, piece));
                at += piece;
            }
            if (direct) return;
            using (no_grad()) copy_(t);
        }

        private T ReadCpu<T>(long i) where T : unmanaged
        {
            if (device_type != DeviceType.CPU) throw new InvalidOperationException("Reading data from non-CPU memory is not supported. Move or copy the tensor to the cpu before reading.");
            if (i < 0 || i >= numel()) throw new IndexOutOfRangeException($"The index {i} is not in 0..{numel() - 1}.");
            void* data;
            Native.Check(Native.peft_data(Handle, &data));
            return Alive(((T*)data)[i]);
        }

        public T ReadCpuValue<T>(long i) where T : unmanaged => ReadCpu<T>(i);
        public float ReadCpuSingle(long i) => ReadCpu<float>(i);
        public double ReadCpuDouble(long i) => ReadCpu<double>(i);
        public float ReadCpuFloat16(long i) => (float)ReadCpu<Half>(i);
        public float ReadCpuBFloat16(long i) => (float)ReadCpu<BFloat16>(i);
        public long ReadCpuInt64(long i) => ReadCpu<long>(i);
        public int ReadCpuInt32(long i) => ReadCpu<int>(i);
        public short ReadCpuInt16(long i) => ReadCpu<short>(i);
        public sbyte ReadCpuSByte(long i) => ReadCpu<sbyte>(i);
        public byte ReadCpuByte(long i) => ReadCpu<byte>(i);
        public bool ReadCpuBool(long i) => ReadCpu<byte>(i) != 0;
    }

    private static class ElementTypes<T> where T : unmanaged
    {
        internal static readonly ScalarType Dtype = ElementTypes.Of(typeof(T));
    }
}
