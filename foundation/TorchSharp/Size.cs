using System.Collections;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>The shape of a tensor as a value.</summary>
    public struct Size : IEnumerable<long>
    {
        private readonly long[] sizes;

        public static Size Empty = new(Array.Empty<long>());

        public Size(long[] shape) => sizes = (long[])shape.Clone();
        public Size(IEnumerable<long> shape) => sizes = [.. shape];
        public Size(int[] shape) => sizes = Array.ConvertAll(shape, s => (long)s);
        public Size(long size) => sizes = [size];
        public Size(int size) => sizes = [size];
        public Size((long, long) size) => sizes = [size.Item1, size.Item2];
        public Size((long, long, long) size) => sizes = [size.Item1, size.Item2, size.Item3];
        public Size((long, long, long, long) size) => sizes = [size.Item1, size.Item2, size.Item3, size.Item4];
        public Size((int, int) size) => sizes = [size.Item1, size.Item2];
        public Size((int, int, int) size) => sizes = [size.Item1, size.Item2, size.Item3];
        public Size((int, int, int, int) size) => sizes = [size.Item1, size.Item2, size.Item3, size.Item4];

        private readonly long[] Sizes => sizes ?? [];
        public readonly long[] Shape => Sizes;
        public readonly int Length => Sizes.Length;
        public readonly bool IsEmpty => Sizes.Length == 0;
        public readonly bool IsScalar => Sizes.Length == 0;
        public readonly long this[int idx] => idx < 0 ? Sizes[Sizes.Length + idx] : Sizes[idx];
        public readonly long this[long idx] => this[(int)idx];
        public readonly Size Slice(int first, int next) => new(Sizes[first..next]);
        public readonly IEnumerable<long> Take(int i) => Sizes.AsEnumerable().Take(i);
        public readonly long numel() => Sizes.TotalSize();

        public static implicit operator Size(long size) => new(size);
        public static implicit operator Size(long[] size) => new(size);
        public static implicit operator Size((long, long) size) => new(size);
        public static implicit operator Size((long, long, long) size) => new(size);
        public static implicit operator Size((long, long, long, long) size) => new(size);

        public static Size operator +(Size left, Size right) => new(left.Sizes.Concat(right.Sizes));
        public static Size operator +(Size left, IEnumerable<long> right) => new(left.Sizes.Concat(right));
        public static bool operator ==(Size left, Size right) => left.Sizes.AsSpan().SequenceEqual(right.Sizes);
        public static bool operator !=(Size left, Size right) => !(left == right);
        public override readonly bool Equals(object? obj) => obj is Size s && this == s;

        public override readonly int GetHashCode()
        {
            var hash = new HashCode();
            foreach (long s in Sizes) hash.Add(s);
            return hash.ToHashCode();
        }

        public readonly IEnumerator<long> GetEnumerator() => ((IEnumerable<long>)Sizes).GetEnumerator();
        readonly IEnumerator IEnumerable.GetEnumerator() => Sizes.GetEnumerator();
    }
}
