using System.Collections;

namespace TorchSharp.Utils;

/// <summary>A tensor's elements as managed values, in row order. On the CPU they are the tensor's own memory.</summary>
public sealed unsafe class TensorAccessor<T> : IEnumerable<T>, IDisposable where T : unmanaged
{
    private readonly torch.Tensor tensor;
    private readonly bool own;
    private readonly T* data;
    private readonly long[] shape;
    private readonly long[] strides;
    private readonly bool contiguous;

    internal TensorAccessor(torch.Tensor tensor)
    {
        ElementTypes.Check<T>(tensor.dtype);
        // Elements of another device are read from a copy; the accessor then owns it.
        own = tensor.device_type != DeviceType.CPU;
        this.tensor = own ? tensor.cpu().DetachFromDisposeScope() : tensor;
        void* p;
        Native.Check(Native.peft_data(this.tensor.Handle, &p));
        data = (T*)p;
        shape = this.tensor.shape;
        strides = this.tensor.stride();
        contiguous = this.tensor.is_contiguous();
        Count = this.tensor.numel();
    }

    public long Count { get; }
    public bool IsReadOnly => false;

    // The place of the k-th element in row order.
    private long Offset(long k)
    {
        if (contiguous) return k;
        long offset = 0;
        for (int d = shape.Length - 1; d >= 0; d--)
        {
            offset += k % shape[d] * strides[d];
            k /= shape[d];
        }
        return offset;
    }

    private long Offset(long[] indices)
    {
        if (indices.Length != shape.Length)
            throw new ArgumentException($"{indices.Length} indices for a tensor of {shape.Length} dimensions.", nameof(indices));
        long offset = 0;
        for (int d = 0; d < indices.Length; d++)
        {
            long i = indices[d];
            if (i < 0 || i >= shape[d]) throw new IndexOutOfRangeException($"Index {i} of dimension {d} is not in 0..{shape[d] - 1}.");
            offset += i * strides[d];
        }
        return offset;
    }

    public T this[params long[] indices]
    {
        get
        {
            // One index into a tensor of several dimensions counts the elements.
            long at = indices.Length == 1 && shape.Length != 1 ? Flat(indices[0]) : Offset(indices);
            _ = tensor.Handle;
            return data[at];
        }
        set
        {
            long at = indices.Length == 1 && shape.Length != 1 ? Flat(indices[0]) : Offset(indices);
            _ = tensor.Handle;
            data[at] = value;
        }
    }

    private long Flat(long k) => k >= 0 && k < Count ? Offset(k) : throw new IndexOutOfRangeException($"Index {k} is not in 0..{Count - 1}.");

    public T[] ToArray()
    {
        if (Count > Array.MaxLength) throw new InvalidOperationException($"{Count} elements do not fit an array.");
        var all = new T[Count];
        CopyTo(all.AsSpan());
        return all;
    }

    public Array ToNDArray()
    {
        if (shape.Length == 0) return new[] { data[0] };
        var all = Array.CreateInstance(typeof(T), shape);
        var indices = new long[shape.Length];
        for (long k = 0; k < Count; k++)
        {
            all.SetValue(data[Offset(k)], indices);
            for (int d = shape.Length - 1; d >= 0 && ++indices[d] == shape[d]; d--) indices[d] = 0;
        }
        return all;
    }

    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0L) => CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

    public void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0L)
    {
        long n = Math.Min(Count - tensorIndex, array.Length - arrayIndex);
        if (Count - tensorIndex > array.Length - arrayIndex)
            throw new ArgumentException($"{Count - tensorIndex} elements do not fit the {array.Length - arrayIndex} places from {arrayIndex} on.", nameof(array));
        if (contiguous) new ReadOnlySpan<T>(data + tensorIndex, checked((int)n)).CopyTo(array[arrayIndex..]);
        else for (long k = 0; k < n; k++) array[arrayIndex + (int)k] = data[Offset(tensorIndex + k)];
        GC.KeepAlive(tensor);
    }

    public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0L) => CopyFrom((ReadOnlySpan<T>)array, arrayIndex, tensorIndex);

    public void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0L)
    {
        long n = Math.Min(Count - tensorIndex, array.Length - arrayIndex);
        for (long k = 0; k < n; k++) data[Offset(tensorIndex + k)] = array[arrayIndex + (int)k];
        GC.KeepAlive(tensor);
    }

    public IEnumerator<T> GetEnumerator()
    {
        for (long k = 0; k < Count; k++) yield return Read(k);
    }

    private T Read(long k)
    {
        _ = tensor.Handle;
        return data[Offset(k)];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose()
    {
        if (own) tensor.Dispose();
    }

    public override bool Equals(object? obj) => obj is TensorAccessor<T> other && this == other;
    public override int GetHashCode() => HashCode.Combine((nint)data, Count);

    public static bool operator ==(TensorAccessor<T> left, TensorAccessor<T> right) =>
        ReferenceEquals(left, right) || left is not null && right is not null && left.Count == right.Count && left.SequenceEqual(right);

    public static bool operator !=(TensorAccessor<T> left, TensorAccessor<T> right) => !(left == right);
}
