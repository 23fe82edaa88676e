using System.Collections;
using Microsoft.ML;
using Microsoft.ML.Peft.Training;

namespace Peft.Estimators.FineTune;

/// <summary>Streams the rows of a data view that have a label.</summary>
internal sealed class TrainingRows(IDataView data, DataViewSchema.Column text, DataViewSchema.Column label) : IEnumerable<TextExample>
{
    /// <summary>Rows without a label in the latest pass.</summary>
    public long Skipped { get; private set; }

    public IEnumerator<TextExample> GetEnumerator()
    {
        Skipped = 0;
        using var cursor = data.GetRowCursor([text, label]);
        var readText = cursor.GetGetter<ReadOnlyMemory<char>>(text);
        var readKey = KeyReader(cursor, label);
        var value = default(ReadOnlyMemory<char>);
        while (cursor.MoveNext())
        {
            var key = readKey();
            if (key == 0) // ML.NET's missing key
            {
                Skipped++;
                continue;
            }

            readText(ref value);
            yield return new TextExample(value.ToString(), checked((int)key) - 1);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>A getter of the label's key, 0 where it is missing.</summary>
    public static Func<ulong> KeyReader(DataViewRowCursor cursor, DataViewSchema.Column label)
        => Type.GetTypeCode(label.Type.RawType) switch
        {
            TypeCode.Byte => Reader<byte>(cursor, label, key => key),
            TypeCode.UInt16 => Reader<ushort>(cursor, label, key => key),
            TypeCode.UInt32 => Reader<uint>(cursor, label, key => key),
            TypeCode.UInt64 => Reader<ulong>(cursor, label, key => key),
            _ => throw new NotSupportedException($"Label column '{label.Name}' is a key of type {label.Type.RawType}, which keys cannot have."),
        };

    private static Func<ulong> Reader<T>(DataViewRowCursor cursor, DataViewSchema.Column label, Func<T, ulong> widen)
        where T : struct
    {
        var getter = cursor.GetGetter<T>(label);
        var key = default(T);
        return () =>
        {
            getter(ref key);
            return widen(key);
        };
    }
}
