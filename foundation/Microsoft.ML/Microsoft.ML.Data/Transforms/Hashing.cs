using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("HashTransform", typeof(HashingTransformer))]

namespace Microsoft.ML.Transforms;

/// <summary>Values as keys by their hash.</summary>
public sealed class HashingEstimator : IEstimator<HashingTransformer>
{
    private const uint DefaultSeed = 314489979;

    private readonly IHost _host;
    private readonly ColumnOptions[] _columns;

    internal HashingEstimator(IHostEnvironment env, params ColumnOptions[] columns)
    {
        Contracts.CheckValue(columns, nameof(columns));
        _host = env.Register(nameof(HashingEstimator));
        _columns = columns;
        foreach (var c in columns)
        {
            Contracts.CheckNonEmpty(c.Name, nameof(c.Name));
            Contracts.CheckParam(c.NumberOfBits is >= 1 and <= 31, nameof(c.NumberOfBits), "Should be between 1 and 31");
            if (c.Combine && c.UseOrderedHashing)
                throw Contracts.ExceptParam(nameof(c.Combine), "When the 'Combine' option is specified, ordered hashing is not supported.");
        }
    }

    /// <summary>How one column is hashed.</summary>
    public sealed class ColumnOptions
    {
        public string Name { get; set; }

        public string InputColumnName { get; set; }

        public int NumberOfBits { get; set; }

        public uint Seed { get; set; }

        public bool UseOrderedHashing { get; set; }

        public int MaximumNumberOfInverts { get; set; }

        public bool Combine { get; set; }

        public ColumnOptions(string name, string inputColumnName = null, int numberOfBits = 31, uint seed = DefaultSeed, bool useOrderedHashing = false,
            int maximumNumberOfInverts = 0, bool combine = false)
        {
            Contracts.CheckNonEmpty(name, nameof(name));
            Contracts.CheckParam(maximumNumberOfInverts >= -1, nameof(maximumNumberOfInverts), "Value too small, must be -1 or larger");
            Contracts.CheckParam(maximumNumberOfInverts == 0 || numberOfBits < 31, nameof(numberOfBits),
                $"Cannot support maximumNumberOfInverts for a {numberOfBits} bit hash. 30 is the maximum possible.");
            Name = name;
            InputColumnName = inputColumnName ?? name;
            NumberOfBits = numberOfBits;
            Seed = seed;
            UseOrderedHashing = useOrderedHashing;
            MaximumNumberOfInverts = maximumNumberOfInverts;
            Combine = combine;
        }
    }

    internal static bool CanHash(DataViewType item) => item is PrimitiveDataViewType and not DateTimeDataViewType and not DateTimeOffsetDataViewType and not TimeSpanDataViewType;

    public HashingTransformer Fit(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        var transformer = new HashingTransformer(_host, _columns, new VBuffer<ReadOnlyMemory<char>>?[_columns.Length]);
        transformer.GetOutputSchema(input.Schema);
        return _columns.All(c => c.MaximumNumberOfInverts == 0 || c.Combine) ? transformer
            : new HashingTransformer(_host, _columns, HashInverts.Learn(input, _columns));
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return inputSchema.With(_columns.Select(c =>
        {
            if (!inputSchema.TryFindColumn(c.InputColumnName, out var column))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", c.InputColumnName);
            if (!CanHash(column.ItemType))
                throw Contracts.ExceptParam(nameof(inputSchema), HashingTransformer.Wrong);
            var annotations = new List<SchemaShape.Column>();
            if (column.HasSlotNames && column.Annotations.TryFindColumn(AnnotationKinds.SlotNames, out var slots))
                annotations.Add(slots);
            if (c.MaximumNumberOfInverts != 0)
                annotations.Add(new SchemaShape.Column(AnnotationKinds.KeyValues, SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance, false));
            var kind = c.Combine ? SchemaShape.Column.VectorKind.Scalar : column.Kind;
            return new SchemaShape.Column(c.Name, kind, NumberDataViewType.UInt32, true, new SchemaShape(annotations));
        }).ToArray());
    }
}

/// <summary>Values as keys by their hash.</summary>
public sealed class HashingTransformer : OneToOneTransformerBase
{
    internal const string Wrong = "Expected Text, Key, numeric, Boolean or DataViewRowId item type";

    private const uint VersionWithCombine = 0x00010004;

    // Files before 0x00010003 were made with another hash function.
    private static readonly VersionInfo Version =
        new("HASHTRNS", VersionWithCombine, VersionWithCombine, 0x00010003, "HashTransform", VersionInfo.DataAssembly);

    private readonly HashingEstimator.ColumnOptions[] _columns;

    /// <summary>For each column the texts that its keys were made of, or null.</summary>
    private readonly VBuffer<ReadOnlyMemory<char>>?[] _keyValues;

    internal HashingTransformer(IHostEnvironment env, HashingEstimator.ColumnOptions[] columns, VBuffer<ReadOnlyMemory<char>>?[] keyValues)
        : base(env.Register(nameof(HashingTransformer)), columns.Select(c => (c.Name, c.InputColumnName)).ToArray())
    {
        _columns = columns;
        _keyValues = keyValues;
    }

    private static HashingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        var columns = LoadColumns(ctx).Select(pair =>
        {
            int bits = ctx.Reader.ReadInt32();
            Contracts.CheckDecode(bits is >= 1 and <= 31);
            uint seed = ctx.Reader.ReadUInt32();
            bool ordered = ctx.ReadBoolByte(), combine = ctx.VersionWritten >= VersionWithCombine && ctx.ReadBoolByte();
            return new HashingEstimator.ColumnOptions(pair.Item1, pair.Item2, bits, seed, ordered, combine: combine);
        }).ToArray();
        return new HashingTransformer(env, columns, columns.Select((c, i) => HashInverts.Load(ctx, i, 1 << Math.Min(30, c.NumberOfBits))).ToArray());
    }

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(Version);
        SaveColumns(ctx);
        foreach (var column in _columns)
        {
            ctx.Writer.Write(column.NumberOfBits);
            ctx.Writer.Write(column.Seed);
            ctx.Writer.Write(column.UseOrderedHashing);
            ctx.Writer.Write(column.Combine);
        }
        for (int i = 0; i < _keyValues.Length; i++)
        {
            if (_keyValues[i] is { } values)
                HashInverts.Save(ctx, i, values);
        }
    }

    private protected override ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
        var options = _columns[pair];
        var vector = source.Type as VectorDataViewType;
        var item = vector?.ItemType ?? source.Type;
        if (!HashingEstimator.CanHash(item))
            throw Contracts.ExceptParam(nameof(inputSchema), Wrong);
        var key = new KeyDataViewType(typeof(uint), 1u << options.NumberOfBits);
        DataViewType type = vector is null || options.Combine ? key : new VectorDataViewType(key, vector.Dimensions);
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(source.Annotations, kind => kind == AnnotationKinds.SlotNames);
        if (_keyValues[pair] is { } values)
        {
            annotations.Add(AnnotationKinds.KeyValues, AnnotationKinds.NamesType(values.Length),
                (ref VBuffer<ReadOnlyMemory<char>> value) => values.CopyTo(ref value));
        }
        return new ColumnMap(new DataViewSchema.DetachedColumn(options.Name, type, annotations.ToAnnotations()),
            row => Getters.Call<Delegate>(Getters.Method(typeof(HashingTransformer), nameof(CreateGetter)), item.RawType, row, source, item, options));
    }

    private static Delegate CreateGetter<T>(DataViewRow row, DataViewSchema.Column source, DataViewType item, HashingEstimator.ColumnOptions options)
    {
        uint mask = (1u << options.NumberOfBits) - 1, seed = options.Seed;
        if (source.Type is not VectorDataViewType)
        {
            var getter = row.GetGetter<T>(source);
            T scalar = default;
            uint scalarSeed = SeedOf(options, 0);
            return (ValueGetter<uint>)((ref uint value) =>
            {
                getter(ref scalar);
                value = HashOf(scalar, item, scalarSeed, mask);
            });
        }
        var vectors = row.GetGetter<VBuffer<T>>(source);
        VBuffer<T> vector = default;
        if (options.Combine)
        {
            return (ValueGetter<uint>)((ref uint value) =>
            {
                vectors(ref vector);
                value = Combined(vector, item, seed, mask);
            });
        }
        return (ValueGetter<VBuffer<uint>>)((ref VBuffer<uint> value) =>
        {
            vectors(ref vector);
            var editor = VBufferEditor.Create(ref value, vector.Length);
            int i = 0;
            foreach (var x in vector.DenseValues())
            {
                editor.Values[i] = HashOf(x, item, SeedOf(options, i), mask);
                i++;
            }
            value = editor.Commit();
        });
    }

    /// <summary>The seed of a slot: ordered hashing mixes the slot in first, that of a scalar being 0.</summary>
    internal static uint SeedOf(HashingEstimator.ColumnOptions options, int slot) =>
        options.UseOrderedHashing ? Runtime.Hashing.Round(options.Seed, (uint)slot) : options.Seed;

    internal static uint HashOf<T>(T value, DataViewType item, uint seed, uint mask)
    {
        switch (value)
        {
            case ReadOnlyMemory<char> text:
                return text.IsEmpty ? 0 : (Runtime.Hashing.Text(seed, text.Span.Trim(' ')) & mask) + 1;
            case float f when float.IsNaN(f):
            case double d when double.IsNaN(d):
                return 0;
        }
        if (item is KeyDataViewType && EqualityComparer<T>.Default.Equals(value, default))
            return 0;
        return (Runtime.Hashing.Finish(Mix(value, seed), SizeOf<T>()) & mask) + 1;
    }

    private static int SizeOf<T>() => default(T) switch
    {
        double or long or ulong => 8,
        DataViewRowId => 16,
        _ => 4,
    };

    private static uint Mix<T>(T value, uint hash) => value switch
    {
        float f => Runtime.Hashing.Round(hash, BitConverter.SingleToUInt32Bits(f == 0 ? 0 : f)),
        double d => Wide(hash, BitConverter.DoubleToUInt64Bits(d == 0 ? 0 : d)),
        long l => Wide(hash, (ulong)l),
        ulong u => Wide(hash, u),
        bool b => Runtime.Hashing.Round(hash, b ? 1u : 0u),
        sbyte n => Runtime.Hashing.Round(hash, (uint)n),
        short n => Runtime.Hashing.Round(hash, (uint)n),
        int n => Runtime.Hashing.Round(hash, (uint)n),
        byte n => Runtime.Hashing.Round(hash, (uint)n),
        ushort n => Runtime.Hashing.Round(hash, (uint)n),
        uint n => Runtime.Hashing.Round(hash, n),
        // The real library mixes in no more of an id than this.
        DataViewRowId id => Runtime.Hashing.Round(hash, (uint)id.Low),
        _ => throw Contracts.ExceptNotSupp($"Values of type '{typeof(T)}' cannot be hashed"),
    };

    private static uint Wide(uint hash, ulong value) => Runtime.Hashing.Round(Runtime.Hashing.Round(hash, (uint)value), (uint)(value >> 32));

    /// <summary>One hash of all values: they are mixed one after the other. Missing where one is.</summary>
    private static uint Combined<T>(in VBuffer<T> vector, DataViewType item, uint seed, uint mask)
    {
        uint hash = seed;
        int size = item is RowIdDataViewType ? 4 : SizeOf<T>();
        foreach (var value in vector.DenseValues())
        {
            switch (value)
            {
                case ReadOnlyMemory<char> { IsEmpty: true }:
                    return 0;
                case ReadOnlyMemory<char> text:
                    hash = Runtime.Hashing.Text(hash, text.Span.Trim(' '));
                    continue;
                case float f when float.IsNaN(f):
                case double d when double.IsNaN(d):
                    return 0;
            }
            if (item is KeyDataViewType && EqualityComparer<T>.Default.Equals(value, default))
                return 0;
            hash = Mix(value, hash);
        }
        return item is TextDataViewType ? (hash & mask) + 1 : (Runtime.Hashing.Finish(hash, vector.Length * size) & mask) + 1;
    }
}
