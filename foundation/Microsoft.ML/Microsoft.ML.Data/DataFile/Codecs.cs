using System.Text;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Values of a fixed number of bytes one after the other.</summary>
internal sealed class PackedCodec<T>(string name, DataViewType type, int size, Action<BinaryWriter, T> write, Func<BinaryReader, T> read) : Codec<T>(name, type)
{
    public override void Write(BinaryWriter writer, ReadOnlySpan<T> values)
    {
        foreach (var value in values)
            write(writer, value);
    }

    public override T[] Read(BinaryReader reader, int count)
    {
        FileLimits.Need(reader, (long)size * count);
        var values = new T[count];
        for (int i = 0; i < count; i++)
            values[i] = read(reader);
        return values;
    }
}

/// <summary>Eight booleans a byte, the first in the lowest bit.</summary>
internal sealed class BooleanCodec() : Codec<bool>("Boolean", BooleanDataViewType.Instance)
{
    public override void Write(BinaryWriter writer, ReadOnlySpan<bool> values)
    {
        for (int i = 0; i < values.Length; i += 8)
        {
            int bits = 0;
            for (int k = 0; k < 8 && i + k < values.Length; k++)
                bits |= values[i + k] ? 1 << k : 0;
            writer.Write((byte)bits);
        }
    }

    public override bool[] Read(BinaryReader reader, int count)
    {
        FileLimits.Need(reader, ((long)count + 7) / 8);
        var values = new bool[count];
        int bits = 0;
        for (int i = 0; i < count; i++)
        {
            bits = i % 8 == 0 ? reader.ReadByte() : bits >> 1;
            values[i] = (bits & 1) != 0;
        }
        return values;
    }
}

/// <summary>Offsets in minutes, then local ticks.</summary>
internal sealed class DateTimeOffsetCodec() : Codec<DateTimeOffset>("DateTimeOffset", DateTimeOffsetDataViewType.Instance)
{
    public override void Write(BinaryWriter writer, ReadOnlySpan<DateTimeOffset> values)
    {
        foreach (var value in values)
            writer.Write((short)value.Offset.TotalMinutes);
        foreach (var value in values)
            writer.Write(value.DateTime.Ticks);
    }

    public override DateTimeOffset[] Read(BinaryReader reader, int count)
    {
        FileLimits.Need(reader, 10L * count);
        var offsets = new short[count];
        for (int i = 0; i < count; i++)
            offsets[i] = reader.ReadInt16();
        var values = new DateTimeOffset[count];
        for (int i = 0; i < count; i++)
        {
            try
            {
                values[i] = new DateTimeOffset(reader.ReadInt64(), TimeSpan.FromMinutes(offsets[i]));
            }
            catch (ArgumentException)
            {
                throw Contracts.ExceptDecode();
            }
        }
        return values;
    }
}

/// <summary>The ends of the texts in the characters of all of them joined.</summary>
internal sealed class TextCodec() : Codec<ReadOnlyMemory<char>>("TextSpan", TextDataViewType.Instance)
{
    public override void Write(BinaryWriter writer, ReadOnlySpan<ReadOnlyMemory<char>> values)
    {
        writer.Write(values.Length);
        int end = 0;
        foreach (var value in values)
            writer.Write(end = checked(end + value.Length));
        if (values.Length == 1 && values[0].Length > 0)
        {
            writer.Write(values[0].ToString());
            return;
        }
        var joined = new StringBuilder(end);
        foreach (var value in values)
            joined.Append(value);
        writer.Write(joined.ToString());
    }

    public override ReadOnlyMemory<char>[] Read(BinaryReader reader, int count)
    {
        Contracts.CheckDecode(reader.ReadInt32() == count);
        FileLimits.Need(reader, 4L * count);
        var ends = new int[count];
        for (int i = 0; i < count; i++)
            ends[i] = reader.ReadInt32();
        string joined = FileLimits.ReadString(reader);
        var values = new ReadOnlyMemory<char>[count];
        int start = 0;
        for (int i = 0; i < count; i++)
        {
            // A set high bit is an old way to say that the text is missing.
            int end = ends[i] & int.MaxValue;
            Contracts.CheckDecode(end >= start && end <= joined.Length);
            // Text that fills the whole block is handed out as the string itself.
            values[i] = ends[i] < 0 ? default : joined.AsMemory(start, end - start);
            start = end;
        }
        Contracts.CheckDecode(start == joined.Length);
        return values;
    }
}

/// <summary>Keys as their raw values.</summary>
internal sealed class KeyCodec<T>(KeyDataViewType type, Codec raw) : Codec<T>("Key2", type)
{
    private readonly Codec<T> _raw = (Codec<T>)raw;

    protected override void WriteParameters(BinaryWriter writer)
    {
        _raw.WriteDescription(writer);
        writer.Write(type.Count);
    }

    public override void Write(BinaryWriter writer, ReadOnlySpan<T> values) => _raw.Write(writer, values);

    /// <summary>Keys beyond the count may occur: whoever uses one as an index checks it.</summary>
    public override T[] Read(BinaryReader reader, int count) => _raw.Read(reader, count);
}

/// <summary>Lengths, numbers of explicit values, indices, and one block of all values.</summary>
internal sealed class VectorCodec<T>(VectorDataViewType type, Codec item) : Codec<VBuffer<T>>("VBuffer", type)
{
    private readonly Codec<T> _item = (Codec<T>)item;

    protected override void WriteParameters(BinaryWriter writer)
    {
        _item.WriteDescription(writer);
        writer.Write(type.Dimensions.Length);
        foreach (int d in type.Dimensions)
            writer.Write(d);
    }

    public override void Write(BinaryWriter writer, ReadOnlySpan<VBuffer<T>> values)
    {
        writer.Write(values.Length);
        int length = type.Size;
        if (length == 0 && values.Length > 0)
        {
            length = values[0].Length;
            foreach (var vector in values)
            {
                if (vector.Length != length)
                    length = 0;
            }
        }
        writer.Write(length);
        if (length == 0)
        {
            foreach (var vector in values)
                writer.Write(vector.Length);
        }
        int indices = 0, explicitValues = 0;
        foreach (var vector in values)
        {
            Contracts.Check(length == 0 || vector.Length == length, $"A vector of {vector.Length} items stands in a column of vectors of {length}");
            writer.Write(vector.IsDense ? -1 : vector.GetValues().Length);
            indices += vector.GetIndices().Length;
            explicitValues += vector.GetValues().Length;
        }
        writer.Write(indices);
        foreach (var vector in values)
        {
            foreach (int index in vector.GetIndices())
                writer.Write(index);
        }
        var all = new T[explicitValues];
        int at = 0;
        foreach (var vector in values)
        {
            vector.GetValues().CopyTo(all.AsSpan(at));
            at += vector.GetValues().Length;
        }
        _item.Write(writer, all);
    }

    public override VBuffer<T>[] Read(BinaryReader reader, int count)
    {
        Contracts.CheckDecode(reader.ReadInt32() == count);
        int length = reader.ReadInt32();
        Contracts.CheckDecode(length >= 0 && (type.Size == 0 || length == type.Size));
        FileLimits.Need(reader, (length == 0 ? 8L : 4L) * count);
        var lengths = new int[count];
        for (int i = 0; i < count; i++)
        {
            lengths[i] = length == 0 ? reader.ReadInt32() : length;
            Contracts.CheckDecode(lengths[i] >= 0);
        }
        var counts = new int[count];
        long explicitValues = 0, indexCount = 0;
        for (int i = 0; i < count; i++)
        {
            counts[i] = reader.ReadInt32();
            Contracts.CheckDecode(counts[i] >= -1 && counts[i] < Math.Max(1, lengths[i]) && (counts[i] < lengths[i] || lengths[i] == 0));
            explicitValues += counts[i] < 0 ? lengths[i] : counts[i];
            indexCount += Math.Max(0, counts[i]);
        }
        Contracts.CheckDecode(reader.ReadInt32() == indexCount && explicitValues <= int.MaxValue);
        FileLimits.Need(reader, 4 * indexCount);
        var indices = new int[count][];
        for (int i = 0; i < count; i++)
            indices[i] = counts[i] < 0 ? null : Indices(reader, counts[i], lengths[i]);
        var all = _item.Read(reader, (int)explicitValues);
        var values = new VBuffer<T>[count];
        int at = 0;
        for (int i = 0; i < count; i++)
        {
            int n = counts[i] < 0 ? lengths[i] : counts[i];
            values[i] = new VBuffer<T>(lengths[i], n, all[at..(at + n)], indices[i]);
            at += n;
        }
        return values;
    }

    private static int[] Indices(BinaryReader reader, int count, int length)
    {
        var indices = new int[count];
        int previous = -1;
        for (int i = 0; i < count; i++)
        {
            indices[i] = reader.ReadInt32();
            Contracts.CheckDecode(indices[i] > previous && indices[i] < length);
            previous = indices[i];
        }
        return indices;
    }
}
