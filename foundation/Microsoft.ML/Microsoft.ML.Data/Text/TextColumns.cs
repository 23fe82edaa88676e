using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>The columns of a text loader, bound to fields.</summary>
internal sealed class TextColumns
{
    /// <summary>The end of a segment that goes on to the end of each line.</summary>
    public const int Open = int.MaxValue;

    /// <summary>Fields from Min up to, not including, Limit.</summary>
    public readonly record struct Segment(int Min, int Limit, bool ForceVector)
    {
        public bool IsVariable => Limit == Open;
    }

    /// <summary>One column: its type and fields.</summary>
    public sealed record Column(string Name, DataViewType Type, PrimitiveDataViewType ItemType, Segment[] Segments, string[] SlotNames)
    {
        public bool IsVariable => Segments.Any(s => s.IsVariable);

        /// <summary>Slots of the segments of known end.</summary>
        public int FixedSize => Segments.Where(s => !s.IsVariable).Sum(s => s.Limit - s.Min);
    }

    private readonly string _header;

    private TextColumns(Column[] columns, string header)
    {
        Items = columns;
        _header = header;
        var builder = new DataViewSchema.Builder();
        foreach (var column in columns)
        {
            var annotations = new DataViewSchema.Annotations.Builder();
            if (column.SlotNames is not null)
                annotations.AddNames(AnnotationKinds.SlotNames, column.SlotNames);
            builder.AddColumn(column.Name, column.Type, annotations.ToAnnotations());
        }
        Schema = builder.ToSchema();
    }

    public Column[] Items { get; }

    public DataViewSchema Schema { get; }

    public static TextColumns Create(TextLoader.Column[] given, TextFormat format, IMultiStreamSource headerFile, IMultiStreamSource sample)
    {
        bool sized = given.Any(c => c.Source?.Any(r => r.AutoEnd && r.Max is null) == true);
        List<string> lines = null;
        if (headerFile is not null)
            lines = TextLines.First(headerFile, format, 1);
        else if (format.HasHeader || (sized && format.InputSize == 0))
            lines = TextLines.First(sample, format, 100);
        int inputSize = format.InputSize;
        if (sized && inputSize == 0)
            inputSize = InputSizeOf(headerFile is null ? lines : TextLines.First(sample, format, 100), format);

        var columns = new Column[given.Length];
        int other = -1;
        for (int i = 0; i < given.Length; i++)
        {
            Contracts.CheckParam(!string.IsNullOrWhiteSpace(given[i].Name), nameof(TextLoader.Column.Name), "Name cannot be null or whitespace");
            Contracts.CheckParam(given[i].Source is { Length: > 0 }, nameof(TextLoader.Column.Source), "Must specify some source column indices");
            if (given[i].Source.Any(r => r.AllOther))
            {
                Contracts.CheckParam(other < 0 && given[i].Source.Count(r => r.AllOther) == 1, nameof(TextLoader.Range.AllOther),
                    "At most one all other range can be specified");
                other = i;
                continue;
            }
            columns[i] = MakeColumn(given[i].Name.Trim(), ItemTypeOf(given[i]), given[i].Source.Select(r => SegmentOf(r, inputSize)).ToArray());
        }
        if (other >= 0)
        {
            var segments = OtherSegments(given[other], columns, inputSize);
            columns[other] = MakeColumn(given[other].Name.Trim(), ItemTypeOf(given[other]), segments);
        }
        string header = (format.HasHeader || headerFile is not null) && lines?.Count > 0 ? lines[0] : null;
        return new TextColumns(WithSlotNames(columns, header, format), header);
    }

    private static int InputSizeOf(List<string> lines, TextFormat format)
    {
        int min = int.MaxValue, max = 0;
        var splitter = new FieldSplitter(format, Open - 2);
        foreach (string line in lines ?? [])
        {
            int fields = splitter.Split(line);
            min = Math.Min(min, fields);
            max = Math.Max(max, fields);
        }
        Contracts.CheckParam(max > 0, nameof(TextLoader.Column.Source), "Can't determine the number of source columns without valid data");
        Contracts.CheckParam(min == max, nameof(TextLoader.Column.Source), "The size of input lines is not consistent");
        return max;
    }

    private static PrimitiveDataViewType ItemTypeOf(TextLoader.Column column)
    {
        var kind = column.DataKind == default ? DataKind.Single : column.DataKind;
        Contracts.CheckParam(Enum.IsDefined(kind), "Type", "Bad item type");
        if (column.KeyCount is null)
            return kind.ToType();
        var raw = kind.ToType().RawType;
        Contracts.CheckParam(KeyDataViewType.IsValidDataType(raw), "Type", "Bad item type for Key");
        return new KeyDataViewType(raw, column.KeyCount.Count ?? KeyDataViewType.MaxCount(raw));
    }

    private static Segment SegmentOf(TextLoader.Range range, int inputSize)
    {
        Contracts.CheckParam(0 <= range.Min && range.Min < Open - 1, nameof(range.Min));
        if (range.Max is int max)
        {
            Contracts.CheckParam(range.Min <= max && max < Open - 1, nameof(range.Max));
            return new Segment(range.Min, max + 1, range.ForceVector);
        }
        if (range.AutoEnd)
        {
            if (range.Min >= inputSize)
                throw Contracts.ExceptParam(nameof(range.Min), $"Column #{range.Min} not found in the dataset (it only has {inputSize} columns)");
            return new Segment(range.Min, inputSize, true);
        }
        return range.VariableEnd ? new Segment(range.Min, Open, true) : new Segment(range.Min, range.Min + 1, range.ForceVector);
    }

    /// <summary>The fields of the range of all others that no column has.</summary>
    private static Segment[] OtherSegments(TextLoader.Column column, Column[] columns, int inputSize)
    {
        var own = column.Source.Select(r => (Range: r, Segment: SegmentOf(r, inputSize))).ToArray();
        var taken = columns.Where(c => c is not null).SelectMany(c => c.Segments).Concat(own.Where(o => !o.Range.AllOther).Select(o => o.Segment))
            .OrderBy(s => s.Min).ToArray();
        var segments = new List<Segment>();
        foreach (var (range, segment) in own)
        {
            if (!range.AllOther)
            {
                segments.Add(segment);
                continue;
            }
            int min = segment.Min;
            foreach (var t in taken)
            {
                if (min < t.Min)
                    segments.Add(new Segment(min, Math.Min(t.Min, segment.Limit), true));
                min = Math.Max(min, t.Limit);
                if (min >= segment.Limit)
                    break;
            }
            if (min < segment.Limit)
                segments.Add(new Segment(min, segment.Limit, true));
        }
        Contracts.CheckParam(segments.Count > 0, nameof(TextLoader.Range.AllOther), "No index is selected as all other indexes.");
        return segments.ToArray();
    }

    private static Column MakeColumn(string name, PrimitiveDataViewType item, Segment[] segments)
    {
        var ordered = segments.OrderBy(s => s.Min).ToArray();
        for (int i = 1; i < ordered.Length; i++)
        {
            Contracts.CheckParam(ordered[i - 1].Limit <= ordered[i].Min, nameof(TextLoader.Column.Source),
                $"Intervals specified for column '{name}' overlap");
        }
        long size = segments.Where(s => !s.IsVariable).Sum(s => (long)s.Limit - s.Min);
        Contracts.CheckParam(size < Open, nameof(TextLoader.Column.Source), $"Column '{name}' has too many fields");
        DataViewType type = segments.Any(s => s.IsVariable) ? new VectorDataViewType(item)
            : size > 1 || segments[0].ForceVector ? new VectorDataViewType(item, (int)size)
            : item;
        return new Column(name, type, item, segments, null);
    }

    private static Column[] WithSlotNames(Column[] columns, string header, TextFormat format)
    {
        if (string.IsNullOrEmpty(header))
            return columns;
        int needed = columns.SelectMany(c => c.Segments).Where(s => !s.IsVariable).Select(s => s.Limit - 1).DefaultIfEmpty(0).Max();
        var splitter = new FieldSplitter(format, needed, keepSparse: false);
        splitter.Split(header);
        var names = new Dictionary<int, string>();
        for (int i = 0; i < splitter.Count; i++)
            names[splitter.Indices[i]] = splitter.Fields[i].Span.Trim().ToString();
        return columns.Select(column =>
        {
            if (column.Type is not VectorDataViewType { IsKnownSize: true } || column.IsVariable)
                return column;
            var slots = column.Segments.SelectMany(s => Enumerable.Range(s.Min, s.Limit - s.Min)).Select(f => names.GetValueOrDefault(f, "")).ToArray();
            return slots.All(s => s.Length == 0) ? column : column with { SlotNames = slots };
        }).ToArray();
    }

    public void Save(ModelSaveContext ctx)
    {
        ctx.Writer.Write(Items.Length);
        foreach (var column in Items)
        {
            ctx.SaveNonEmptyString(column.Name);
            ctx.Writer.Write((byte)DataKinds.FromRawType(column.ItemType.RawType).Value);
            ctx.Writer.Write(column.ItemType is KeyDataViewType);
            if (column.ItemType is KeyDataViewType key)
                ctx.Writer.Write(key.Count);
            ctx.Writer.Write(column.Segments.Length);
            foreach (var segment in column.Segments)
            {
                ctx.Writer.Write(segment.Min);
                ctx.Writer.Write(segment.Limit);
                ctx.Writer.Write(segment.ForceVector);
            }
        }
        if (!string.IsNullOrEmpty(_header))
            ctx.SaveText("Header.txt", writer => writer.WriteLine(_header));
    }

    public static TextColumns Load(ModelLoadContext ctx, TextFormat format)
    {
        var columns = new Column[ctx.ReadCount(10)];
        Contracts.CheckDecode(columns.Length > 0 && ctx.VersionWritten >= 0x0001000C);
        for (int i = 0; i < columns.Length; i++)
        {
            string name = ctx.LoadNonEmptyString();
            var kind = (DataKind)ctx.Reader.ReadByte();
            Contracts.CheckDecode(Enum.IsDefined(kind));
            PrimitiveDataViewType item = kind.ToType();
            if (ctx.ReadBoolByte())
            {
                ulong count = ctx.Reader.ReadUInt64();
                Contracts.CheckDecode(KeyDataViewType.IsValidDataType(item.RawType) && count > 0 && count <= KeyDataViewType.MaxCount(item.RawType));
                item = new KeyDataViewType(item.RawType, count);
            }
            var segments = new Segment[ctx.ReadCount(9)];
            Contracts.CheckDecode(segments.Length > 0);
            for (int s = 0; s < segments.Length; s++)
            {
                segments[s] = new Segment(ctx.Reader.ReadInt32(), ctx.Reader.ReadInt32(), ctx.ReadBoolByte());
                Contracts.CheckDecode(segments[s].Min >= 0 && segments[s].Min < segments[s].Limit);
            }
            columns[i] = MakeColumn(name, item, segments);
        }
        string header = ctx.ReadStreamOrNull("Header.txt") is { } bytes ? new StreamReader(new MemoryStream(bytes)).ReadLine() : null;
        return new TextColumns(WithSlotNames(columns, header, format), header);
    }
}
