using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Makes a column's value of the fields of a line.</summary>
internal abstract class FieldReader
{
    public static FieldReader Create(TextColumns.Column column, TextFormat format, Func<bool> good)
    {
        bool vector = column.Type is VectorDataViewType;
        var type = (vector ? typeof(VectorReader<>) : typeof(ScalarReader<>)).MakeGenericType(column.ItemType.RawType);
        return (FieldReader)Activator.CreateInstance(type, column, format, good);
    }

    /// <summary>Keeps the value of this line; the fields are those of the splitter, of so many fields in all.</summary>
    public abstract void Read(FieldSplitter fields, int fieldCount, long line);

    public abstract Delegate Getter { get; }

    /// <summary>Values that are wrong become missing where the type has such a value.</summary>
    private static bool HasMissing(PrimitiveDataViewType type) => MissingValues.Has(type) || type is TextDataViewType;

    private static T Missing<T>() => typeof(T) == typeof(float) ? (T)(object)float.NaN : typeof(T) == typeof(double) ? (T)(object)double.NaN : default;

    private static bool IsReal<T>() => typeof(T) == typeof(float) || typeof(T) == typeof(double);

    private sealed class ScalarReader<T>(TextColumns.Column column, TextFormat format, Func<bool> good) : FieldReader
    {
        private readonly TextParser<T> _parse = TextParsers.For<T>(column.ItemType, format.MissingRealsAsNaNs, format.DecimalMarker);
        private readonly int _field = column.Segments[0].Min;
        private T _value;

        public override Delegate Getter => (ValueGetter<T>)((ref T value) =>
        {
            Contracts.Check(good());
            value = _value;
        });

        public override void Read(FieldSplitter fields, int fieldCount, long line)
        {
            int at = fields.Count > _field && fields.Indices[_field] == _field
                ? _field : fields.Indices.AsSpan(0, fields.Count).BinarySearch(_field);
            if (at < 0)
            {
                _value = format.MissingRealsAsNaNs && IsReal<T>() ? Missing<T>() : default;
                return;
            }
            if (_parse(fields.Fields[at], out _value))
                return;
            if (!HasMissing(column.ItemType))
                throw Contracts.Except($"Could not parse value {fields.Fields[at]} in line {line}, column {column.Name}");
            _value = Missing<T>();
        }
    }

    private sealed class VectorReader<T>(TextColumns.Column column, TextFormat format, Func<bool> good) : FieldReader
    {
        /// <summary>More than any table has columns; a few digits in a file would ask for gigabytes else.</summary>
        private const int MostMissing = 1 << 24;

        private readonly TextParser<T> _parse = TextParsers.For<T>(column.ItemType, format.MissingRealsAsNaNs, format.DecimalMarker);
        private readonly int _fixedSize = column.FixedSize;
        private readonly List<int> _slots = [];
        private readonly List<T> _values = [];
        private int _size;

        public override Delegate Getter => (ValueGetter<VBuffer<T>>)Get;

        private void Get(ref VBuffer<T> value)
        {
            Contracts.Check(good());
            // Few explicit values stay sparse.
            bool sparse = _slots.Count < _size / 2 + _size % 2;
            var editor = VBufferEditor.Create(ref value, _size, sparse ? _slots.Count : _size);
            if (sparse)
            {
                for (int i = 0; i < _slots.Count; i++)
                {
                    editor.Indices[i] = _slots[i];
                    editor.Values[i] = _values[i];
                }
            }
            else
            {
                editor.Values.Clear();
                for (int i = 0; i < _slots.Count; i++)
                    editor.Values[_slots[i]] = _values[i];
            }
            value = editor.Commit();
        }

        public override void Read(FieldSplitter fields, int fieldCount, long line)
        {
            _slots.Clear();
            _values.Clear();
            int start = 0;
            foreach (var segment in column.Segments)
            {
                int limit = segment.IsVariable ? Math.Max(segment.Min, fieldCount) : segment.Limit;
                int at = fields.Indices.AsSpan(0, fields.Count).BinarySearch(segment.Min);
                if (at < 0)
                    at = ~at;
                int next = segment.Min;
                for (; at < fields.Count && fields.Indices[at] < limit; at++)
                {
                    FillMissing(start - segment.Min, ref next, fields.Indices[at]);
                    Add(start + fields.Indices[at] - segment.Min, fields.Fields[at], line);
                    next = fields.Indices[at] + 1;
                }
                FillMissing(start - segment.Min, ref next, limit);
                start += limit - segment.Min;
            }
            _size = column.IsVariable ? start : _fixedSize;
            if (!IsSorted())
                Sort();
        }

        /// <summary>Fields the line does not have are NaN where the format says so.</summary>
        private void FillMissing(int offset, ref int next, int limit)
        {
            if (!format.MissingRealsAsNaNs || !IsReal<T>())
                return;
            Contracts.Check(limit - next <= MostMissing, $"A line claims {limit} fields and leaves out {limit - next} of them: more than the {MostMissing} that are filled");
            for (; next < limit; next++)
            {
                _slots.Add(offset + next);
                _values.Add(Missing<T>());
            }
        }

        private void Add(int slot, ReadOnlyMemory<char> field, long line)
        {
            if (!_parse(field, out var value))
            {
                if (!HasMissing(column.ItemType))
                    throw Contracts.Except($"Could not parse value {field} in slot {slot} of column {column.Name} in line {line}");
                value = Missing<T>();
            }
            if (IsDefault(value))
                return;
            _slots.Add(slot);
            _values.Add(value);
        }

        /// <summary>Zero with a minus sign is no default: it is kept as it was written.</summary>
        private static bool IsDefault(T value) => value switch
        {
            ReadOnlyMemory<char> text => text.IsEmpty,
            float f => BitConverter.SingleToInt32Bits(f) == 0,
            double d => BitConverter.DoubleToInt64Bits(d) == 0,
            _ => EqualityComparer<T>.Default.Equals(value, default),
        };

        private bool IsSorted()
        {
            for (int i = 1; i < _slots.Count; i++)
            {
                if (_slots[i - 1] >= _slots[i])
                    return false;
            }
            return true;
        }

        private void Sort()
        {
            var order = Enumerable.Range(0, _slots.Count).OrderBy(i => _slots[i]).ToArray();
            var slots = order.Select(i => _slots[i]).ToArray();
            var values = order.Select(i => _values[i]).ToArray();
            _slots.Clear();
            _slots.AddRange(slots);
            _values.Clear();
            _values.AddRange(values);
        }
    }
}
