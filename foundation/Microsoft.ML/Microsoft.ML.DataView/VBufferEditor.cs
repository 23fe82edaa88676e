using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Writes into the buffers of a vector, reusing them where they are large enough.</summary>
public static class VBufferEditor
{
    public static VBufferEditor<T> CreateFromBuffer<T>(scoped ref VBuffer<T> destination) =>
        new(destination.Length, destination._count, destination._values, destination._indices, !destination.IsDense, false, false);

    public static VBufferEditor<T> Create<T>(scoped ref VBuffer<T> destination, int newLogicalLength, int? valuesCount = null,
        int? maxValuesCapacity = null, bool keepOldOnResize = false, bool requireIndicesOnDense = false)
    {
        Contracts.CheckParam(newLogicalLength >= 0, nameof(newLogicalLength));
        Contracts.CheckParam(valuesCount is null || (valuesCount >= 0 && valuesCount <= newLogicalLength), nameof(valuesCount));
        Contracts.CheckParam(maxValuesCapacity is null || maxValuesCapacity >= (valuesCount ?? newLogicalLength), nameof(maxValuesCapacity));
        int count = valuesCount ?? newLogicalLength;
        var values = Sized(destination._values, count, maxValuesCapacity ?? newLogicalLength, keepOldOnResize, out bool newValues);
        var indices = destination._indices;
        bool newIndices = false;
        bool needsIndices = count < newLogicalLength || requireIndicesOnDense;
        if (needsIndices)
            indices = Sized(indices, count, maxValuesCapacity ?? newLogicalLength, keepOldOnResize, out newIndices);
        return new VBufferEditor<T>(newLogicalLength, count, values, indices, needsIndices, newValues, newIndices);
    }

    private static TItem[] Sized<TItem>(TItem[] buffer, int count, int capacity, bool keep, out bool created)
    {
        created = buffer is null ? count > 0 : buffer.Length < count;
        if (!created)
            return buffer ?? [];
        // Grow by doubling: a getter that sees ever longer vectors must not allocate for each of them.
        long grown = Math.Max(count, (buffer?.Length ?? 0) * 2L);
        var fresh = new TItem[(int)Math.Max(count, Math.Min(grown, capacity))];
        if (keep && buffer is not null)
            buffer.CopyTo(fresh, 0);
        return fresh;
    }
}

/// <summary>The buffers of a vector while it is written.</summary>
public readonly ref struct VBufferEditor<T>
{
    private readonly int _length;
    private readonly T[] _values;
    private readonly int[] _indices;

    public readonly Span<T> Values;
    public readonly Span<int> Indices;

    internal VBufferEditor(int length, int count, T[] values, int[] indices, bool needsIndices, bool newValues, bool newIndices)
    {
        _length = length;
        _values = values;
        _indices = indices;
        Values = values.AsSpan(0, count);
        Indices = needsIndices ? indices.AsSpan(0, count) : default;
        CreatedNewValues = newValues;
        CreatedNewIndices = newIndices;
    }

    public bool CreatedNewValues { get; }

    public bool CreatedNewIndices { get; }

    public VBuffer<T> Commit() => new(_length, Values.Length, _values, _indices);

    public VBuffer<T> CommitTruncated(int physicalValuesCount)
    {
        Contracts.CheckParam(0 <= physicalValuesCount && physicalValuesCount <= Values.Length, nameof(physicalValuesCount));
        Contracts.CheckParam(physicalValuesCount == _length || Indices.Length >= physicalValuesCount, nameof(physicalValuesCount),
            "Sparse values need indices");
        return new VBuffer<T>(_length, physicalValuesCount, _values, _indices);
    }
}
