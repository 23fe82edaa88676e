using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Views as files: blocks of columns with a table of contents.</summary>
internal static class DataViewFile
{
    private const ulong Magic = 0x00425644004C4D43;
    private const ulong Tail = 0x434D4C0044564200;
    private const ulong Version = 0x0001000100010006;
    private const int HeaderSize = 256;
    private const int RowsPerBlock = 8192;
    private const long MaxBlockSize = 80_000_000;

    /// <summary>So many rows are looked at to tell how many make a block.</summary>
    private const int SampleRows = 1024;

    public static void Write(IDataView view, Stream stream, bool keepHidden = true)
    {
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file, Encoding.UTF8);
        writer.Write(new byte[HeaderSize]);
        // Columns of types that no file can hold (images, say) are left out, as the real library does.
        var columns = view.Schema.Where(c => (keepHidden || !c.IsHidden) && Codec.Exists(c.Type)).ToArray();
        var blocks = columns.Select(_ => new List<(long At, int Stored, int Size)>()).ToArray();
        var (rows, rowsPerBlock) = WriteBlocks(view, columns, writer, blocks);
        var tables = new long[columns.Length];
        for (int i = 0; i < columns.Length; i++)
        {
            tables[i] = file.Position;
            foreach (var (at, stored, size) in blocks[i])
            {
                writer.Write(at);
                writer.Write(stored);
                writer.Write(size);
            }
        }
        var annotations = columns.Select(c => WriteAnnotations(writer, c)).ToArray();
        long contents = file.Position;
        for (int i = 0; i < columns.Length; i++)
        {
            writer.Write(columns[i].Name);
            Codec.For(columns[i].Type).WriteDescription(writer);
            writer.Write((byte)1);
            writer.Write7BitEncodedInt(rowsPerBlock);
            writer.Write(tables[i]);
            writer.Write(annotations[i]);
        }
        long tail = file.Position;
        writer.Write(Tail);
        file.Position = 0;
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(Version);
        writer.Write(contents);
        writer.Write(tail);
        writer.Write((long)rows);
        writer.Write(columns.Length);
        writer.Flush();
        file.WriteTo(stream);
    }

    /// <summary>Writes all columns in one pass, block by block; gives the number of rows, and of rows a block.</summary>
    private static (int Rows, int RowsPerBlock) WriteBlocks(IDataView view, DataViewSchema.Column[] columns, BinaryWriter writer, List<(long, int, int)>[] blocks)
    {
        using var cursor = view.GetRowCursor(columns);
        var pending = columns.Select((c, i) => Getters.Call<PendingColumn>(Getters.Method(typeof(DataViewFile), nameof(CreatePending)), c.Type.RawType, cursor, c)).ToArray();
        int rows = 0, waiting = 0, perBlock = 0;
        while (cursor.MoveNext())
        {
            foreach (var column in pending)
                column.Add();
            rows = checked(rows + 1);
            if (++waiting == SampleRows && perBlock == 0)
                perBlock = RowsThatFit(pending, waiting);
            for (; perBlock > 0 && waiting >= perBlock; waiting -= perBlock)
                WriteBlock(perBlock);
        }
        perBlock = perBlock > 0 ? perBlock : Math.Min(RowsThatFit(pending, waiting), Math.Max(1, rows));
        for (; waiting > 0; waiting -= Math.Min(waiting, perBlock))
            WriteBlock(Math.Min(waiting, perBlock));
        return (rows, Math.Clamp(rows, 1, perBlock));

        void WriteBlock(int count)
        {
            for (int i = 0; i < pending.Length; i++)
            {
                var bytes = pending[i].Take(count);
                var packed = Deflate(bytes);
                blocks[i].Add((writer.BaseStream.Position, packed.Length, bytes.Length));
                writer.Write(packed);
            }
        }
    }

    /// <summary>How many rows like those that wait make a block that is not too large.</summary>
    private static int RowsThatFit(PendingColumn[] pending, int waiting)
    {
        if (waiting == 0)
            return RowsPerBlock;
        long size = pending.Sum(c => c.Size(waiting));
        return (int)Math.Clamp(MaxBlockSize * waiting / Math.Max(1, size), 1, RowsPerBlock);
    }

    private static PendingColumn CreatePending<T>(DataViewRow row, DataViewSchema.Column column) => new PendingColumn<T>(row, column);

    /// <summary>Values of a column that wait to become a block.</summary>
    private abstract class PendingColumn
    {
        public abstract void Add();

        /// <summary>The bytes of the first values, which wait no longer.</summary>
        public abstract byte[] Take(int count);

        public abstract long Size(int count);
    }

    private sealed class PendingColumn<T>(DataViewRow row, DataViewSchema.Column column) : PendingColumn
    {
        private readonly Codec<T> _codec = (Codec<T>)Codec.For(column.Type);
        private readonly ValueGetter<T> _getter = row.GetGetter<T>(column);
        private readonly List<T> _values = [];

        public override void Add()
        {
            T value = default;
            _getter(ref value);
            _values.Add(value);
        }

        public override long Size(int count) => Bytes(_codec, CollectionsMarshal.AsSpan(_values)[..count]).Length;

        public override byte[] Take(int count)
        {
            var bytes = Bytes(_codec, CollectionsMarshal.AsSpan(_values)[..count]);
            _values.RemoveRange(0, count);
            return bytes;
        }
    }

    private static byte[] Bytes<T>(Codec<T> codec, ReadOnlySpan<T> values)
    {
        using var block = new MemoryStream();
        using var inner = new BinaryWriter(block, Encoding.UTF8);
        codec.Write(inner, values);
        inner.Flush();
        return block.ToArray();
    }

    private static byte[] Deflate(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            deflate.Write(bytes);
        return packed.ToArray();
    }

    /// <summary>Writes the annotations of a column; gives where their table is, 0 where there are none.</summary>
    private static long WriteAnnotations(BinaryWriter writer, DataViewSchema.Column column)
    {
        var schema = column.Annotations.Schema;
        if (!schema.Any(a => Codec.Exists(a.Type)))
            return 0;
        var entries = new List<(string Kind, Codec Codec, bool Packed, long At, long Size)>();
        foreach (var annotation in schema.Where(a => Codec.Exists(a.Type)))
        {
            var codec = Codec.For(annotation.Type);
            var bytes = Getters.Call<byte[]>(Getters.Method(typeof(DataViewFile), nameof(AnnotationBytes)), annotation.Type.RawType, codec, column.Annotations, annotation);
            var packed = Deflate(bytes);
            bool smaller = packed.Length < bytes.Length;
            var stored = smaller ? packed : bytes;
            entries.Add((annotation.Name, codec, smaller, writer.BaseStream.Position, stored.Length));
            writer.Write(stored);
        }
        long table = writer.BaseStream.Position;
        writer.Write7BitEncodedInt(entries.Count);
        foreach (var (kind, codec, packed, at, size) in entries)
        {
            writer.Write(kind);
            codec.WriteDescription(writer);
            writer.Write((byte)(packed ? 1 : 0));
            writer.Write(at);
            writer.Write7BitEncodedInt64(size);
        }
        return table;
    }

    private static byte[] AnnotationBytes<T>(Codec codec, DataViewSchema.Annotations annotations, DataViewSchema.Column annotation)
    {
        T value = default;
        annotations.GetGetter<T>(annotation)(ref value);
        return Bytes((Codec<T>)codec, [value]);
    }

    private sealed record Entry(string Name, Codec Codec, int Compression, int BlockRows, long Table, long Annotations);

    public static ArrayView Read(byte[] file)
    {
        using var reader = new BinaryReader(new MemoryStream(file, writable: false), Encoding.UTF8);
        try
        {
            return Read(file, reader);
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException or OverflowException)
        {
            throw new FormatException("Corrupt data file", e);
        }
    }

    private static ArrayView Read(byte[] file, BinaryReader reader)
    {
        Contracts.CheckDecode(file.Length >= HeaderSize + 8 && reader.ReadUInt64() == Magic, "Wrong file type");
        reader.ReadUInt64();
        Contracts.CheckDecode(reader.ReadUInt64() <= Version, "The data file is of a version that cannot be read");
        long contents = reader.ReadInt64(), tail = reader.ReadInt64(), rows = reader.ReadInt64();
        int count = reader.ReadInt32();
        Contracts.CheckDecode(tail >= HeaderSize && tail <= file.Length - 8 && BitConverter.ToUInt64(file, (int)tail) == Tail, "Corrupt data file tail");
        Contracts.CheckDecode(contents >= HeaderSize && contents <= tail && rows >= 0 && rows <= Array.MaxLength && count >= 0 && count <= tail - contents);

        reader.BaseStream.Position = contents;
        var entries = new Entry[count];
        for (int i = 0; i < count; i++)
        {
            entries[i] = new Entry(FileLimits.ReadString(reader), Codec.ReadDescription(reader), reader.ReadByte(), FileLimits.ReadLength(reader),
                reader.ReadInt64(), reader.ReadInt64());
            Contracts.CheckDecode(entries[i].Name.Length > 0 && entries[i].BlockRows >= 1);
        }
        var builder = new DataViewSchema.Builder();
        foreach (var entry in entries)
            builder.AddColumn(entry.Name, entry.Codec.Type, ReadAnnotations(reader, entry.Annotations));
        var columns = entries.Select(e => Getters.Call<Array>(Getters.Method(typeof(DataViewFile), nameof(ReadColumn)), e.Codec.Type.RawType, reader, e, (int)rows));
        return new ArrayView(builder.ToSchema(), columns.ToArray(), (int)rows);
    }

    private static T[] ReadColumn<T>(BinaryReader reader, Entry entry, int rows)
    {
        var codec = (Codec<T>)entry.Codec;
        var values = new List<T>();
        int blocks = (int)(((long)rows + entry.BlockRows - 1) / entry.BlockRows);
        Seek(reader, entry.Table, 16L * blocks);
        var table = new (long At, int Stored, int Size)[blocks];
        for (int i = 0; i < blocks; i++)
            table[i] = (reader.ReadInt64(), reader.ReadInt32(), reader.ReadInt32());
        foreach (var (at, stored, size) in table)
        {
            Contracts.CheckDecode(stored >= 0 && size >= 0);
            Seek(reader, at, stored);
            var bytes = Unpack(reader.ReadBytes(stored), entry.Compression, size);
            using var block = new BinaryReader(new MemoryStream(bytes, writable: false), Encoding.UTF8);
            values.AddRange(codec.Read(block, Math.Min(entry.BlockRows, rows - values.Count)));
        }
        return values.ToArray();
    }

    private static void Seek(BinaryReader reader, long at, long size)
    {
        Contracts.CheckDecode(at >= 0 && size >= 0 && at <= reader.BaseStream.Length && size <= reader.BaseStream.Length - at);
        reader.BaseStream.Position = at;
    }

    /// <summary>Inflates to a size that is known, or as far as deflate can go where it is not.</summary>
    private static byte[] Unpack(byte[] stored, int compression, long? size)
    {
        Contracts.CheckDecode(compression is 0 or 1);
        if (compression == 0)
            return stored;
        using var inflate = new DeflateStream(new MemoryStream(stored), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        var buffer = new byte[1 << 15];
        int read;
        while ((read = inflate.Read(buffer)) > 0)
        {
            Contracts.CheckDecode(bytes.Length + read <= (size ?? Array.MaxLength));
            bytes.Write(buffer, 0, read);
        }
        Contracts.CheckDecode(size is null || bytes.Length == size);
        return bytes.ToArray();
    }

    private static DataViewSchema.Annotations ReadAnnotations(BinaryReader reader, long table)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        if (table == 0)
            return builder.ToAnnotations();
        Seek(reader, table, 1);
        int count = FileLimits.ReadLength(reader);
        var entries = new List<(string Kind, Codec Codec, int Compression, long At, long Size)>();
        for (int i = 0; i < count; i++)
        {
            string kind = FileLimits.ReadString(reader);
            Contracts.CheckDecode(kind.Length > 0);
            var codec = Codec.ReadDescription(reader);
            int compression = reader.ReadByte();
            long at = reader.ReadInt64();
            entries.Add((kind, codec, compression, at, ReadLong(reader)));
        }
        foreach (var (kind, codec, compression, at, size) in entries)
        {
            Seek(reader, at, size);
            var bytes = Unpack(reader.ReadBytes((int)size), compression, null);
            Getters.Call<object>(Getters.Method(typeof(DataViewFile), nameof(AddAnnotation)), codec.Type.RawType, builder, kind, codec, bytes);
        }
        return builder.ToAnnotations();
    }

    private static long ReadLong(BinaryReader reader)
    {
        try
        {
            return reader.Read7BitEncodedInt64();
        }
        catch (FormatException)
        {
            throw Contracts.ExceptDecode();
        }
    }

    private static object AddAnnotation<T>(DataViewSchema.Annotations.Builder builder, string kind, Codec codec, byte[] bytes)
    {
        using var block = new BinaryReader(new MemoryStream(bytes, writable: false), Encoding.UTF8);
        var value = ((Codec<T>)codec).Read(block, 1)[0];
        var copy = Copier<T>(codec.Type);
        builder.Add(kind, codec.Type, (ref T destination) => copy(value, ref destination));
        return null;
    }

    private delegate void Copy<T>(T value, ref T destination);

    private static Copy<T> Copier<T>(DataViewType type) => type is VectorDataViewType vector
        ? (Copy<T>)Getters.Call<Delegate>(Getters.Method(typeof(DataViewFile), nameof(VectorCopier)), vector.ItemType.RawType)
        : (T value, ref T destination) => destination = value;

    private static Copy<VBuffer<T>> VectorCopier<T>() => (VBuffer<T> value, ref VBuffer<T> destination) => value.CopyTo(ref destination);
}
