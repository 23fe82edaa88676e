using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: Microsoft.ML.LoadableClass("SelectColumnsTransform", typeof(ColumnSelectingTransformer))]

namespace Microsoft.ML.Transforms;

/// <summary>Keeps some columns, or drops some.</summary>
public sealed class ColumnSelectingEstimator : TrivialEstimator<ColumnSelectingTransformer>
{
    internal ColumnSelectingEstimator(IHostEnvironment env, string[] keepColumns, string[] dropColumns, bool keepHidden)
        : base(env.Register(nameof(ColumnSelectingEstimator)), new ColumnSelectingTransformer(env, keepColumns, dropColumns, keepHidden, ignoreMissing: false))
    {
    }

    internal static ColumnSelectingEstimator DropColumns(IHostEnvironment env, params string[] columns) => new(env, null, columns, keepHidden: false);

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        foreach (string name in Transformer.Columns)
        {
            if (!inputSchema.TryFindColumn(name, out _))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", name);
        }
        if (!Transformer.Keeps)
            return new SchemaShape(inputSchema.Where(c => !Transformer.Columns.Contains(c.Name)));
        return new SchemaShape(inputSchema.Where(c => Transformer.Columns.Contains(c.Name)));
    }
}

/// <summary>Some of the columns.</summary>
public sealed class ColumnSelectingTransformer : ITransformer
{
    private static readonly VersionInfo Version =
        new("SELCOLST", 0x00010001, 0x00010001, 0x00010001, "SelectColumnsTransform", VersionInfo.DataAssembly);

    private readonly bool _keepHidden;
    private readonly bool _ignoreMissing;

    internal ColumnSelectingTransformer(IHostEnvironment env, string[] keepColumns, string[] dropColumns, bool keepHidden, bool ignoreMissing)
    {
        Contracts.CheckValue(env, nameof(env));
        bool keeps = keepColumns is { Length: > 0 }, drops = dropColumns is { Length: > 0 };
        Contracts.Check(keeps || drops, "Neither keepColumns and dropColumns is set. Exactly one must be specified.");
        Contracts.Check(!(keeps && drops), "Both keepColumns and dropColumns are set. Exactly one must be specified.");
        Keeps = keeps;
        Columns = keeps ? keepColumns : dropColumns;
        _keepHidden = keepHidden;
        _ignoreMissing = ignoreMissing;
    }

    internal bool Keeps { get; }

    internal string[] Columns { get; }

    internal static ColumnSelectingTransformer Drop(IHostEnvironment env, params string[] columns) =>
        new(env, null, columns, keepHidden: false, ignoreMissing: false);

    private static ColumnSelectingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        bool keeps = ctx.ReadBoolByte(), keepHidden = ctx.ReadBoolByte(), ignoreMissing = ctx.ReadBoolByte();
        var columns = new string[ctx.ReadCount(4)];
        for (int i = 0; i < columns.Length; i++)
            columns[i] = ctx.LoadNonEmptyString();
        Contracts.CheckDecode(columns.Length > 0);
        return new ColumnSelectingTransformer(env, keeps ? columns : null, keeps ? null : columns, keepHidden, ignoreMissing);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        Contracts.CheckValue(ctx, nameof(ctx));
        ctx.SetVersionInfo(Version);
        ctx.Writer.Write(Keeps);
        ctx.Writer.Write(_keepHidden);
        ctx.Writer.Write(_ignoreMissing);
        ctx.Writer.Write(Columns.Length);
        foreach (string name in Columns)
            ctx.SaveNonEmptyString(name);
    }

    bool ITransformer.IsRowToRowMapper => true;

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return new Selection(inputSchema, Chosen(inputSchema));
    }

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return new Selection(inputSchema, Chosen(inputSchema)).OutputSchema;
    }

    public IDataView Transform(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        return new MappedView(input, new Selection(input.Schema, Chosen(input.Schema)));
    }

    /// <summary>The input columns that stay, in the order of the output.</summary>
    private int[] Chosen(DataViewSchema input)
    {
        if (!_ignoreMissing)
        {
            foreach (string name in Columns)
            {
                if (input.GetColumnOrNull(name) is null)
                    throw Contracts.ExceptSchemaMismatch("inputSchema", "input", name);
            }
        }
        if (!Keeps)
            return input.Where(c => !Columns.Contains(c.Name)).Select(c => c.Index).ToArray();
        return Columns.SelectMany(name => input.Where(c => c.Name == name && (_keepHidden || !c.IsHidden))).Select(c => c.Index).ToArray();
    }

    /// <summary>Columns taken over as they are.</summary>
    private sealed class Selection : IRowToRowMapper
    {
        private readonly int[] _sources;

        public Selection(DataViewSchema input, int[] sources)
        {
            _sources = sources;
            InputSchema = input;
            var builder = new DataViewSchema.Builder();
            builder.AddColumns(sources.Select(i => input[i]));
            OutputSchema = builder.ToSchema();
        }

        public DataViewSchema InputSchema { get; }

        public DataViewSchema OutputSchema { get; }

        public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
            dependingColumns.Select(c => InputSchema[_sources[c.Index]]).DistinctBy(c => c.Index).ToArray();

        public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
        {
            Contracts.CheckValue(input, nameof(input));
            return new Row(this, input, new ActiveColumns(OutputSchema, activeColumns));
        }

        private sealed class Row(Selection selection, DataViewRow input, ActiveColumns active) : DataViewRow
        {
            public override DataViewSchema Schema => selection.OutputSchema;

            public override long Position => input.Position;

            public override long Batch => input.Batch;

            public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column);

            public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

            public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
            {
                active.Check(column);
                return input.GetGetter<TValue>(selection.InputSchema[selection._sources[column.Index]]);
            }

            protected override void Dispose(bool disposing)
            {
                if (disposing)
                    input.Dispose();
                base.Dispose(disposing);
            }
        }
    }
}
