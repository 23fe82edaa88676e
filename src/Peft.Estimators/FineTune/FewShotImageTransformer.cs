using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Training;
using Peft.Estimators.Persistence;

namespace Peft.Estimators.FineTune;

/// <summary>A classifier of pictures by the names of their classes as a step of a pipeline.</summary>
/// <remarks>
/// Predicts lazily, in batches of rows, and only where somebody reads what it writes. Saved by plain <c>Model.Save</c>,
/// read by plain <c>Model.Load</c>; <see cref="PeftCatalog.Rehydrate"/> gives this type back.
/// </remarks>
public sealed class FewShotImageTransformer : IPredictionTransformer<ImageTextClassifier>, IDisposable
{
    private readonly TransformsCatalog _catalog;
    private readonly SavedImageClassifier _saved;

    internal FewShotImageTransformer(TransformsCatalog catalog, SavedImageClassifier saved, TrainingReport? report)
        => (_catalog, _saved, Report) = (catalog, saved, report);

    /// <summary>The model; it lives as long as this transformer.</summary>
    public ImageTextClassifier Model => _saved.Model;

    /// <summary>Names of the classes, in key order.</summary>
    public IReadOnlyList<string> Labels => _saved.Labels.Names;

    /// <summary>Numbers that were trained.</summary>
    public long TrainableCount => Model.TrainableCount;

    /// <summary>How the training went; null for a model that was loaded, or not trained.</summary>
    public TrainingReport? Report { get; }

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    /// <summary>Writes the adapter: adapter_config.json and adapter_model.safetensors.</summary>
    /// <exception cref="PeftException">There is no adapter.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public void SaveAdapter(string folder) => Model.SaveAdapter(folder);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The input column is missing or no picture.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Mapper(inputSchema).OutputSchema;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The input column is missing or no picture.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => Mapper(inputSchema);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The input column is missing or no picture.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new BatchedView(input, Mapper(input.Schema));
    }

    /// <summary>Frees the model.</summary>
    public void Dispose() => Model.Dispose();

    // A step from outside ML.NET cannot write to the context, but may let a built-in step write in its place.
    void ICanSaveModel.Save(ModelSaveContext ctx) => ((ICanSaveModel)SavedChain.Of(_catalog, _saved)).Save(ctx);

    private ClassifierMapper Mapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new ClassifierMapper(inputSchema, new ImageRows(Model, _saved.Columns.Input, _saved.Folder), _saved.Columns, _saved.Labels);
    }
}
