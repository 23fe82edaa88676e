namespace Microsoft.ML.Transforms;

/// <summary>Compares values of one type: text by its characters, all else by its own order.</summary>
internal sealed class ValueComparer<T> : IEqualityComparer<T>, IComparer<T>
{
    public static ValueComparer<T> Instance { get; } = new();

    public bool Equals(T x, T y) => x is ReadOnlyMemory<char> a && y is ReadOnlyMemory<char> b
        ? a.Span.SequenceEqual(b.Span) : EqualityComparer<T>.Default.Equals(x, y);

    public int GetHashCode(T value) => value is ReadOnlyMemory<char> text ? string.GetHashCode(text.Span) : EqualityComparer<T>.Default.GetHashCode(value);

    public int Compare(T x, T y) => x is ReadOnlyMemory<char> a && y is ReadOnlyMemory<char> b
        ? a.Span.SequenceCompareTo(b.Span) : Comparer<T>.Default.Compare(x, y);
}
