using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms;

/// <summary>A mapping of objects bound to a schema. The mapping is made anew for every row reader, so that each has its own state.</summary>
internal sealed class CustomMapper<TSrc, TDst> : RowMapper where TSrc : class, new() where TDst : class, new()
{
    private readonly RowBinding<TSrc> _input;
    private readonly RowClass _output;
    private readonly Func<Action<TSrc, TDst>> _createMapping;

    public CustomMapper(DataViewSchema inputSchema, RowClass output, SchemaDefinition inputDefinition, Func<Action<TSrc, TDst>> createMapping)
        : base(inputSchema)
    {
        _input = RowBinding<TSrc>.Create(inputSchema, ignoreMissingColumns: false, inputDefinition);
        _output = output;
        _createMapping = createMapping;
        OutputColumns = output.Detached();
    }

    public override DataViewSchema.DetachedColumn[] OutputColumns { get; }

    public override void MarkDependencies(Func<int, bool> activeOutput, Action<int> needInput)
    {
        if (!Enumerable.Range(0, OutputColumns.Length).Any(activeOutput))
            return;
        foreach (var column in _input.Columns)
            needInput(column.Index);
    }

    public override Delegate[] CreateGetters(DataViewRow input, Func<int, bool> activeOutput)
    {
        var getters = new Delegate[OutputColumns.Length];
        if (!Enumerable.Range(0, getters.Length).Any(activeOutput))
            return getters;
        var fill = _input.CreateFill(input);
        var mapping = _createMapping();
        var source = new TSrc();
        var target = new TDst();
        long done = -1;
        TDst Current()
        {
            if (input.Position != done)
            {
                fill(source);
                mapping(source, target);
                done = input.Position;
            }
            return target;
        }
        for (int i = 0; i < getters.Length; i++)
        {
            if (activeOutput(i))
                getters[i] = Peeks.Create<TDst>(_output.Columns[i], Current);
        }
        return getters;
    }
}

/// <summary>What a mapping's estimators say of schemas.</summary>
internal static class CustomMappingShapes
{
    public static SchemaShape Output(SchemaShape inputSchema, RowClass source, RowClass target)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        foreach (var column in source.Columns)
        {
            if (!inputSchema.TryFindColumn(column.Name, out var found))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", column.Name);
            SchemaShape.Describe(column.Type, out _, out var item, out _);
            bool vector = column.Type is VectorDataViewType;
            if (!item.Equals(found.ItemType) || vector != (found.Kind != SchemaShape.Column.VectorKind.Scalar))
                throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "input", column.Name, column.Type.ToString(), found.TypeText());
        }
        return inputSchema.With(SchemaShape.Create(target.Schema()));
    }
}
