using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Base of transformers made of models.</summary>
public abstract class PredictionTransformerBase<TModel> : IPredictionTransformer<TModel>, IDisposable where TModel : class
{
    private protected PredictionTransformerBase(TModel model, DataViewSchema trainSchema)
    {
        Contracts.CheckValue(model, nameof(model));
        Contracts.CheckValue(trainSchema, nameof(trainSchema));
        Model = model;
        TrainSchema = trainSchema;
    }

    public TModel Model { get; }

    /// <summary>The columns of the training set: names and types of features and labels come from them.</summary>
    internal DataViewSchema TrainSchema { get; }

    private protected abstract RowMapper MakeRowMapper(DataViewSchema inputSchema);

    private protected abstract VersionInfo Version { get; }

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

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        Contracts.CheckValue(ctx, nameof(ctx));
        ctx.SetVersionInfo(Version);
        if (Model is not ICanSaveModel model)
            throw Contracts.ExceptNotSupp($"Models of type {Model.GetType()} cannot be saved");
        ctx.SaveModel(model, PredictionParts.ModelFolder);
        ctx.SaveStream(PredictionParts.SchemaStream, stream => DataViewFile.Write(new EmptyView(TrainSchema), stream));
        SavePayload(ctx);
    }

    private protected abstract void SavePayload(ModelSaveContext ctx);

    public void Dispose() => (Model as IDisposable)?.Dispose();
}

/// <summary>Base of transformers whose model reads one feature column.</summary>
public abstract class SingleFeaturePredictionTransformerBase<TModel> : PredictionTransformerBase<TModel>, ISingleFeaturePredictionTransformer<TModel>
    where TModel : class
{
    private protected SingleFeaturePredictionTransformerBase(TModel model, DataViewSchema trainSchema, string featureColumnName) : base(model, trainSchema)
    {
        FeatureColumnName = featureColumnName;
        FeatureColumnType = (trainSchema.GetColumnOrNull(featureColumnName)
            ?? throw Contracts.ExceptSchemaMismatch(nameof(featureColumnName), "feature", featureColumnName)).Type;
    }

    public string FeatureColumnName { get; }

    public DataViewType FeatureColumnType { get; }

    public sealed override DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        return new RowMapping(MakeRowMapper(inputSchema)).OutputSchema;
    }

    private protected sealed override void SavePayload(ModelSaveContext ctx)
    {
        ctx.SaveStringOrNull(FeatureColumnName);
        SaveMore(ctx);
    }

    /// <summary>Writes what a kind of transformer has besides its model, training schema and feature column.</summary>
    private protected abstract void SaveMore(ModelSaveContext ctx);

    private protected DataViewSchema.Column FeatureIn(DataViewSchema inputSchema)
    {
        var column = inputSchema.GetColumnOrNull(FeatureColumnName)
            ?? throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "feature", FeatureColumnName);
        return column.Type.Equals(FeatureColumnType) ? column
            : throw Contracts.ExceptSchemaMismatch(nameof(inputSchema), "feature", FeatureColumnName, FeatureColumnType.ToString(), column.Type.ToString());
    }

    /// <summary>Columns that all come of one scoring of the features, which is done once a row.</summary>
    private protected sealed class ScoreMapper(DataViewSchema inputSchema, DataViewSchema.Column features, DataViewSchema.DetachedColumn[] columns,
        Func<Func<Row>, Delegate[]> createGetters, Action<VBuffer<float>, Row> score, Func<Row> createRow) : RowMapper(inputSchema)
    {
        public override DataViewSchema.DetachedColumn[] OutputColumns { get; } = columns;

        public override void MarkDependencies(Func<int, bool> activeOutput, Action<int> needInput)
        {
            if (Enumerable.Range(0, OutputColumns.Length).Any(activeOutput))
                needInput(features.Index);
        }

        public override Delegate[] CreateGetters(DataViewRow input, Func<int, bool> activeOutput)
        {
            if (!Enumerable.Range(0, OutputColumns.Length).Any(activeOutput))
                return new Delegate[OutputColumns.Length];
            var getter = input.GetGetter<VBuffer<float>>(features);
            var current = createRow();
            VBuffer<float> buffer = default;
            long done = -1;
            return createGetters(() =>
            {
                if (input.Position != done)
                {
                    getter(ref buffer);
                    score(buffer, current);
                    done = input.Position;
                }
                return current;
            });
        }
    }

    /// <summary>The scores of the row that was read last.</summary>
    private protected sealed class Row
    {
        public float Score { get; set; }

        public float Probability { get; set; }

        public float[] Scores { get; init; }
    }
}
