using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Base of trainers over one feature column and a label.</summary>
public abstract class TrainerEstimatorBase<TTransformer, TModel> : ITrainerEstimator<TTransformer, TModel>
    where TTransformer : ISingleFeaturePredictionTransformer<TModel> where TModel : class
{
    public readonly SchemaShape.Column FeatureColumn;
    public readonly SchemaShape.Column LabelColumn;
    public readonly SchemaShape.Column WeightColumn;

    private protected TrainerEstimatorBase(IHost host, SchemaShape.Column feature, SchemaShape.Column label, SchemaShape.Column weight)
    {
        Host = host;
        FeatureColumn = feature;
        LabelColumn = label;
        WeightColumn = weight;
    }

    private protected IHost Host { get; }

    public abstract TrainerInfo Info { get; }

    private protected abstract SchemaShape.Column[] OutputColumns(SchemaShape inputSchema);

    private protected abstract TTransformer Train(IDataView input);

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Contracts.CheckValue(inputSchema, nameof(inputSchema));
        CheckColumn(inputSchema, FeatureColumn, "feature");
        CheckColumn(inputSchema, LabelColumn, "label");
        if (WeightColumn.Name is not null)
            CheckColumn(inputSchema, WeightColumn, "weight");
        return inputSchema.With(OutputColumns(inputSchema));
    }

    public TTransformer Fit(IDataView input) => FitFrom(input, Train);

    /// <summary>Checks the columns, then trains in the given way.</summary>
    private protected TTransformer FitFrom(IDataView input, Func<IDataView, TTransformer> train)
    {
        Contracts.CheckValue(input, nameof(input));
        GetOutputSchema(SchemaShape.Create(input.Schema));
        HostEnvironment.CheckAlive(Host);
        using var channel = Host.Start("Training");
        return train(input);
    }

    private static void CheckColumn(SchemaShape schema, SchemaShape.Column expected, string role)
    {
        if (!schema.TryFindColumn(expected.Name, out var found))
            throw Contracts.ExceptSchemaMismatch("inputSchema", role, expected.Name);
        if (found.Kind != expected.Kind || found.IsKey != expected.IsKey || !found.ItemType.Equals(expected.ItemType))
            throw Contracts.ExceptSchemaMismatch("inputSchema", role, expected.Name, expected.TypeText(), found.TypeText());
    }
}
