using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Base of transformers whose every output column comes of one input column.</summary>
public abstract class OneToOneTransformerBase : RowToRowTransformerBase
{
    private protected OneToOneTransformerBase(IHost host, params (string outputColumnName, string inputColumnName)[] columns) : base(host)
    {
        Contracts.CheckParam(columns is { Length: > 0 } && columns.All(c => !string.IsNullOrEmpty(c.outputColumnName) && !string.IsNullOrEmpty(c.inputColumnName)),
            nameof(columns), "columns cannot be null or empty");
        var names = new HashSet<string>();
        foreach (var (output, _) in columns)
        {
            if (!names.Add(output))
                throw Contracts.ExceptParam(nameof(columns), $"Output column '{output}' specified multiple times");
        }
        ColumnPairs = columns;
    }

    private protected (string outputColumnName, string inputColumnName)[] ColumnPairs { get; }

    private protected static (string, string)[] LoadColumns(ModelLoadContext ctx)
    {
        int n = ctx.ReadCount(8);
        Contracts.CheckDecode(n > 0);
        var columns = new (string, string)[n];
        for (int i = 0; i < n; i++)
            columns[i] = (ctx.LoadNonEmptyString(), ctx.LoadNonEmptyString());
        return columns;
    }

    private protected void SaveColumns(ModelSaveContext ctx)
    {
        ctx.Writer.Write(ColumnPairs.Length);
        foreach (var (output, input) in ColumnPairs)
        {
            ctx.SaveNonEmptyString(output);
            ctx.SaveNonEmptyString(input);
        }
    }

    /// <summary>Throws where an input column cannot be used.</summary>
    private protected virtual void CheckInputColumn(DataViewSchema inputSchema, int pair, DataViewSchema.Column source)
    {
    }

    /// <summary>The mapper of one pair, its source column given.</summary>
    private protected abstract ColumnMap MakeMap(DataViewSchema inputSchema, int pair, DataViewSchema.Column source);

    private protected override RowMapper MakeRowMapper(DataViewSchema inputSchema)
    {
        var sources = new DataViewSchema.Column[ColumnPairs.Length];
        for (int i = 0; i < sources.Length; i++)
        {
            string name = ColumnPairs[i].inputColumnName;
            sources[i] = inputSchema.GetColumnOrNull(name) ?? throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", name);
            CheckInputColumn(inputSchema, i, sources[i]);
        }
        return new Mapper(inputSchema, sources, sources.Select((s, i) => MakeMap(inputSchema, i, s)).ToArray());
    }

    /// <summary>The type, annotations and getter of one output column.</summary>
    private protected sealed record ColumnMap(DataViewSchema.DetachedColumn Column, Func<DataViewRow, Delegate> CreateGetter);

    private sealed class Mapper(DataViewSchema inputSchema, DataViewSchema.Column[] sources, ColumnMap[] maps) : RowMapper(inputSchema)
    {
        public override DataViewSchema.DetachedColumn[] OutputColumns { get; } = maps.Select(m => m.Column).ToArray();

        public override void MarkDependencies(Func<int, bool> activeOutput, Action<int> needInput)
        {
            for (int i = 0; i < sources.Length; i++)
            {
                if (activeOutput(i))
                    needInput(sources[i].Index);
            }
        }

        public override Delegate[] CreateGetters(DataViewRow input, Func<int, bool> activeOutput)
        {
            var getters = new Delegate[maps.Length];
            for (int i = 0; i < maps.Length; i++)
            {
                if (activeOutput(i))
                    getters[i] = maps[i].CreateGetter(input);
            }
            return getters;
        }
    }
}
