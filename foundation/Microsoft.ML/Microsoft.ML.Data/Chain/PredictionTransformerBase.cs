using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Base of transformers made of models.</summary>
public abstract class PredictionTransformerBase<TModel> : IPredictionTransformer<TModel>, IDisposable where TModel : class
{
    private protected PredictionTransformerBase(TModel model)
    {
        Contracts.CheckValue(model, nameof(model));
        Model = model;
    }

    public TModel Model { get; }

    private protected abstract RowMapper MakeRowMapper(DataViewSchema inputSchema);

    public abstract DataViewSchema GetOutputSchema(DataViewSchema inputSchema);

    bool ITransformer.IsRowToRowMapper => true;

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return new RowMapping(MakeRowMapper(inputSchema));
    }

    public IDataView Transform(IDataView input)
    {
        Contracts.CheckValue(input, nameof(input));
        return new MappedView(input, new RowMapping(MakeRowMapper(input.Schema)));
    }

    void ICanSaveModel.Save(ModelSaveContext ctx) => ((ICanSaveModel)Model).Save(ctx);

    public void Dispose() => (Model as IDisposable)?.Dispose();
}

/// <summary>Base of transformers whose model reads one feature column.</summary>
public abstract class SingleFeaturePredictionTransformerBase<TModel> : PredictionTransformerBase<TModel>, ISingleFeaturePredictionTransformer<TModel>
    where TModel : class
{
    private protected SingleFeaturePredictionTransformerBase(TModel model, string featureColumnName, DataViewType featureColumnType) : base(model)
    {
        FeatureColumnName = featureColumnName;
        FeatureColumnType = featureColumnType;
    }

    public string FeatureColumnName { get; }

    public DataViewType FeatureColumnType { get; }

    public sealed override DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return new RowMapping(MakeRowMapper(inputSchema)).OutputSchema;
    }

    private protected DataViewSchema.Column FeatureIn(DataViewSchema inputSchema)
    {
        var column = inputSchema.GetColumnOrNull(FeatureColumnName)
            ?? throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "feature", FeatureColumnName);
        return column.Type.Equals(FeatureColumnType) ? column
            : throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "feature", FeatureColumnName, FeatureColumnType.ToString(), column.Type.ToString());
    }
}
