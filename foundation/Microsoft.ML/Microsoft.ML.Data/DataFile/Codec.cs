using System.Text;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>How values of one type are written in model and data files.</summary>
internal abstract class Codec
{
    protected Codec(string name, DataViewType type)
    {
        Name = name;
        Type = type;
    }

    public string Name { get; }

    public DataViewType Type { get; }

    protected virtual void WriteParameters(BinaryWriter writer)
    {
    }

    /// <summary>Writes which codec this is: its name and parameters.</summary>
    public void WriteDescription(BinaryWriter writer)
    {
        using var parameters = new MemoryStream();
        using (var inner = new BinaryWriter(parameters, Encoding.UTF8, leaveOpen: true))
            WriteParameters(inner);
        writer.Write(Name);
        writer.Write7BitEncodedInt((int)parameters.Length);
        writer.Write(parameters.ToArray());
    }

    /// <summary>Whether values of this type can be written to a file.</summary>
    public static bool Exists(DataViewType type) => (type is VectorDataViewType vector ? vector.ItemType : type) is KeyDataViewType or BooleanDataViewType
        or TextDataViewType or DateTimeDataViewType or TimeSpanDataViewType or DateTimeOffsetDataViewType or RowIdDataViewType or NumberDataViewType;

    public static Codec For(DataViewType type)
    {
        switch (type)
        {
            case VectorDataViewType vector:
                return (Codec)Activator.CreateInstance(typeof(VectorCodec<>).MakeGenericType(vector.ItemType.RawType), vector, For(vector.ItemType));
            case KeyDataViewType key:
                return (Codec)Activator.CreateInstance(typeof(KeyCodec<>).MakeGenericType(key.RawType), key, For(DataKinds.FromRawType(key.RawType).Value.ToType()));
            case BooleanDataViewType:
                return new BooleanCodec();
            case TextDataViewType:
                return new TextCodec();
            case DateTimeDataViewType:
                return new PackedCodec<DateTime>("DateTime", type, 8, (w, v) => w.Write(v.Ticks), r => new DateTime(Ticks(r.ReadInt64(), DateTime.MaxValue.Ticks)));
            case TimeSpanDataViewType:
                return new PackedCodec<TimeSpan>("TimeSpan", type, 8, (w, v) => w.Write(v.Ticks), r => new TimeSpan(r.ReadInt64()));
            case DateTimeOffsetDataViewType:
                return new DateTimeOffsetCodec();
            case RowIdDataViewType:
                return new PackedCodec<DataViewRowId>("DataViewRowId", type, 16, (w, v) =>
                {
                    w.Write(v.Low);
                    w.Write(v.High);
                }, r => new DataViewRowId(r.ReadUInt64(), r.ReadUInt64()));
            case NumberDataViewType:
                return ForNumber(type);
            default:
                throw Contracts.ExceptNotSupp($"Values of type '{type}' cannot be written to a file");
        }
    }

    private static long Ticks(long ticks, long max)
    {
        Contracts.CheckDecode(ticks >= 0 && ticks <= max);
        return ticks;
    }

    private static Codec ForNumber(DataViewType type) => DataKinds.FromRawType(type.RawType) switch
    {
        DataKind.SByte => new PackedCodec<sbyte>("SByte", type, 1, (w, v) => w.Write(v), r => r.ReadSByte()),
        DataKind.Byte => new PackedCodec<byte>("Byte", type, 1, (w, v) => w.Write(v), r => r.ReadByte()),
        DataKind.Int16 => new PackedCodec<short>("Int16", type, 2, (w, v) => w.Write(v), r => r.ReadInt16()),
        DataKind.UInt16 => new PackedCodec<ushort>("UInt16", type, 2, (w, v) => w.Write(v), r => r.ReadUInt16()),
        DataKind.Int32 => new PackedCodec<int>("Int32", type, 4, (w, v) => w.Write(v), r => r.ReadInt32()),
        DataKind.UInt32 => new PackedCodec<uint>("UInt32", type, 4, (w, v) => w.Write(v), r => r.ReadUInt32()),
        DataKind.Int64 => new PackedCodec<long>("Int64", type, 8, (w, v) => w.Write(v), r => r.ReadInt64()),
        DataKind.UInt64 => new PackedCodec<ulong>("UInt64", type, 8, (w, v) => w.Write(v), r => r.ReadUInt64()),
        DataKind.Single => new PackedCodec<float>("Single", type, 4, (w, v) => w.Write(v), r => r.ReadSingle()),
        _ => new PackedCodec<double>("Double", type, 8, (w, v) => w.Write(v), r => r.ReadDouble()),
    };

    /// <summary>Reads which codec follows. Vectors nest once, keys not at all: more is no file of this format.</summary>
    public static Codec ReadDescription(BinaryReader reader, int depth = 0)
    {
        Contracts.CheckDecode(depth < 4);
        string name = FileLimits.ReadString(reader);
        int size = FileLimits.ReadLength(reader);
        long end = reader.BaseStream.Position + size;
        Contracts.CheckDecode(end <= reader.BaseStream.Length);
        var type = TypeOf(name, reader, depth);
        Contracts.CheckDecode(reader.BaseStream.Position == end);
        return For(type);
    }

    private static DataViewType TypeOf(string name, BinaryReader reader, int depth)
    {
        switch (name)
        {
            case "TextSpan":
                return TextDataViewType.Instance;
            case "Boolean":
                return BooleanDataViewType.Instance;
            case "DateTime":
                return DateTimeDataViewType.Instance;
            case "DateTimeOffset":
                return DateTimeOffsetDataViewType.Instance;
            case "TimeSpan":
                return TimeSpanDataViewType.Instance;
            case "DataViewRowId":
                return RowIdDataViewType.Instance;
            case "Key2":
                var raw = ReadDescription(reader, depth + 1).Type.RawType;
                ulong count = reader.ReadUInt64();
                Contracts.CheckDecode(KeyDataViewType.IsValidDataType(raw) && count > 0 && count <= KeyDataViewType.MaxCount(raw));
                return new KeyDataViewType(raw, count);
            case "VBuffer":
                var item = ReadDescription(reader, depth + 1).Type as PrimitiveDataViewType;
                Contracts.CheckDecode(item is not null);
                return new VectorDataViewType(item, Dimensions(reader));
            default:
                for (var kind = DataKind.SByte; kind <= DataKind.Double; kind++)
                {
                    if (kind.ToString() == name)
                        return kind.ToType();
                }
                throw Contracts.ExceptDecode($"Unknown codec '{name}'");
        }
    }

    private static int[] Dimensions(BinaryReader reader)
    {
        int n = reader.ReadInt32();
        Contracts.CheckDecode(n >= 0 && 4L * n <= FileLimits.Remaining(reader));
        if (n == 0)
            return [0];
        var dimensions = new int[n];
        long size = 1;
        for (int i = 0; i < n; i++)
        {
            dimensions[i] = reader.ReadInt32();
            Contracts.CheckDecode(dimensions[i] >= 0);
            size *= Math.Max(1, dimensions[i]);
            Contracts.CheckDecode(size <= int.MaxValue);
        }
        return dimensions;
    }
}

/// <summary>The codec of values of one .NET type.</summary>
internal abstract class Codec<T>(string name, DataViewType type) : Codec(name, type)
{
    public abstract void Write(BinaryWriter writer, ReadOnlySpan<T> values);

    public abstract T[] Read(BinaryReader reader, int count);
}

/// <summary>What a reader of files of strangers checks before it allocates.</summary>
internal static class FileLimits
{
    public static long Remaining(BinaryReader reader) => reader.BaseStream.Length - reader.BaseStream.Position;

    public static void Need(BinaryReader reader, long bytes) => Contracts.CheckDecode(bytes >= 0 && bytes <= Remaining(reader));

    public static int ReadLength(BinaryReader reader)
    {
        int length;
        try
        {
            length = reader.Read7BitEncodedInt();
        }
        catch (FormatException)
        {
            throw Contracts.ExceptDecode();
        }
        Contracts.CheckDecode(length >= 0);
        return length;
    }

    public static string ReadString(BinaryReader reader)
    {
        int length = ReadLength(reader);
        Need(reader, length);
        return Encoding.UTF8.GetString(reader.ReadBytes(length));
    }
}
