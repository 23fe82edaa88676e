namespace TorchSharp;

public static partial class torch
{
    /// <summary>One index of t[...]: a number, a slice, a new axis, an ellipsis, a truth value or a tensor.</summary>
    public struct TensorIndex
    {
        internal readonly Tensor? Indices;
        internal readonly long Start;
        internal readonly long Stop;
        // Steps beyond the range of int make no sense for a tensor that fits memory.
        private readonly int step;
        internal readonly byte Kind;

        private TensorIndex(long kind, long start = 0, long stop = IndexItem.Absent, long? step = null, Tensor? indices = null)
        {
            Kind = (byte)kind;
            Start = start;
            Stop = stop;
            this.step = step is { } s ? checked((int)s) : int.MinValue;
            Indices = indices;
        }

        internal readonly long Step => step == int.MinValue ? IndexItem.Absent : step;

        internal readonly nint Handle => Indices is null ? 0 : Indices.Handle;

        public static TensorIndex Ellipsis = new(IndexItem.Ellipsis);
        public static TensorIndex None = new(IndexItem.None);
        public static TensorIndex Null = new(IndexItem.None);
        public static TensorIndex Colon = new(IndexItem.Slice, IndexItem.Absent);

        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) =>
            new(IndexItem.Slice, start ?? IndexItem.Absent, stop ?? IndexItem.Absent, step);

        public static TensorIndex Slice((int? start, int? end) range) => Slice(range.start, range.end);

        public static TensorIndex Slice(Range range)
        {
            long start = range.Start.IsFromEnd ? -range.Start.Value : range.Start.Value;
            // "..^0" means up to the end
            long stop = range.End.IsFromEnd ? range.End.Value == 0 ? IndexItem.Absent : -range.End.Value : range.End.Value;
            // "^0.." starts behind the last element
            if (range.Start is { IsFromEnd: true, Value: 0 }) start = long.MaxValue;
            return new(IndexItem.Slice, start, stop);
        }

        public static TensorIndex Bool(bool value) => new(IndexItem.Boolean, value ? 1 : 0);

        public static TensorIndex Single(long? index) =>
            new(IndexItem.Integer, index ?? throw new ArgumentNullException(nameof(index)));

        public static TensorIndex Tensor(Tensor tensor) => new(IndexItem.Tensor, indices: tensor ?? throw new ArgumentNullException(nameof(tensor)));

        public static implicit operator TensorIndex(long value) => new(IndexItem.Integer, value);
        public static implicit operator Tensor(TensorIndex value) => value.Indices ?? throw new InvalidCastException("The index is no tensor.");
        public static implicit operator TensorIndex(Range range) => Slice(range);
        public static implicit operator TensorIndex(Index index) => new(IndexItem.Integer, index.IsFromEnd ? -index.Value : index.Value);
        public static implicit operator TensorIndex((int? start, int? end) range) => Slice(range);
    }
}
