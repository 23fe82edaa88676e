using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Transforms;

/// <summary>Columns computed from others by a function of objects.</summary>
public sealed class CustomMappingTransformer<TSrc, TDst> : ITransformer where TSrc : class, new() where TDst : class, new()
{
    private readonly Action<TSrc, TDst> _mapAction;
    private readonly string _contractName;
    private readonly SchemaDefinition _inputDefinition;

    internal CustomMappingTransformer(IHostEnvironment env, Action<TSrc, TDst> mapAction, string contractName,
        SchemaDefinition inputSchemaDefinition = null, SchemaDefinition outputSchemaDefinition = null)
    {
        Contracts.CheckValue(env, nameof(env));
        Contracts.CheckValue(mapAction, nameof(mapAction));
        _mapAction = mapAction;
        _contractName = contractName;
        _inputDefinition = inputSchemaDefinition;
        InputClass = RowClass.Create(typeof(TSrc), inputSchemaDefinition, SchemaDefinition.Direction.Write);
        OutputClass = RowClass.Create(typeof(TDst), outputSchemaDefinition, SchemaDefinition.Direction.Read);
    }

    internal RowClass InputClass { get; }

    internal RowClass OutputClass { get; }

    bool ITransformer.IsRowToRowMapper => true;

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => Bind(inputSchema);

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    public IDataView Transform(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        return new MappedView(input, Bind(input.Schema));
    }

    private RowMapping Bind(DataViewSchema inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return new RowMapping(new CustomMapper<TSrc, TDst>(inputSchema, OutputClass, _inputDefinition, () => _mapAction));
    }

    void ICanSaveModel.Save(ModelSaveContext ctx) => CustomContract.Save(ctx, _contractName, _mapAction);
}

/// <summary>The same, with a state that is kept from row to row.</summary>
public sealed class StatefulCustomMappingTransformer<TSrc, TDst, TState> : ITransformer
    where TSrc : class, new() where TDst : class, new() where TState : class, new()
{
    private readonly Action<TSrc, TDst, TState> _mapAction;
    private readonly Action<TState> _stateInitAction;
    private readonly string _contractName;

    internal StatefulCustomMappingTransformer(IHostEnvironment env, Action<TSrc, TDst, TState> mapAction, string contractName, Action<TState> stateInitAction)
    {
        Contracts.CheckValue(env, nameof(env));
        Contracts.CheckValue(mapAction, nameof(mapAction));
        Contracts.CheckValue(stateInitAction, nameof(stateInitAction));
        _mapAction = mapAction;
        _stateInitAction = stateInitAction;
        _contractName = contractName;
        InputClass = RowClass.Create(typeof(TSrc), null, SchemaDefinition.Direction.Write);
        OutputClass = RowClass.Create(typeof(TDst), null, SchemaDefinition.Direction.Read);
    }

    internal RowClass InputClass { get; }

    internal RowClass OutputClass { get; }

    bool ITransformer.IsRowToRowMapper => true;

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => Bind(inputSchema);

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    public IDataView Transform(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        return new MappedView(input, Bind(input.Schema));
    }

    private RowMapping Bind(DataViewSchema inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return new RowMapping(new CustomMapper<TSrc, TDst>(inputSchema, OutputClass, null, () =>
        {
            var state = new TState();
            _stateInitAction(state);
            return (source, target) => _mapAction(source, target, state);
        }));
    }

    void ICanSaveModel.Save(ModelSaveContext ctx) => CustomContract.Save(ctx, _contractName, _mapAction);
}
