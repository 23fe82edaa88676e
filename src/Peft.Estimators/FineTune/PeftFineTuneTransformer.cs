using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Training;
using Peft.Estimators.Persistence;
using Peft.Estimators.Schema;

namespace Peft.Estimators.FineTune;

/// <summary>A fine-tuned model as a step of a pipeline.</summary>
/// <remarks>
/// Predicts lazily, in batches of rows, and only where somebody reads what it writes. Saved by plain <c>Model.Save</c>,
/// read by plain <c>Model.Load</c>; <see cref="PeftCatalog.Rehydrate"/> gives this type back.
/// </remarks>
public sealed class PeftFineTuneTransformer : IPredictionTransformer<TextClassifier>, IDisposable
{
    private readonly TransformsCatalog _catalog;
    private readonly ClassifierColumns _columns;
    private readonly LabelValues _labels;
    private readonly BaseModelStorage _storage;

    internal PeftFineTuneTransformer(
        TransformsCatalog catalog, TextClassifier model, ClassifierColumns columns, LabelValues labels, BaseModelStorage storage, TrainingReport? report)
    {
        _catalog = catalog;
        _columns = columns;
        _labels = labels;
        _storage = storage;
        Model = model;
        Report = report;
    }

    /// <summary>The model; it lives as long as this transformer.</summary>
    public TextClassifier Model { get; }

    /// <summary>Names of the classes, in key order.</summary>
    public IReadOnlyList<string> Labels => _labels.Names;

    /// <summary>Numbers that were trained: the adapter's and the head's.</summary>
    public long TrainableCount => Model.TrainableCount;

    /// <summary>All numbers of the model.</summary>
    public long TotalCount => Model.TotalCount;

    /// <summary>How the training went; null for a model that was loaded.</summary>
    public TrainingReport? Report { get; }

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    /// <summary>Writes the adapter and the head as HF PEFT does: adapter_config.json and adapter_model.safetensors.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public void SaveAdapter(string folder) => Model.SaveAdapter(folder);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The input column is missing or no text.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Mapper(inputSchema).OutputSchema;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The input column is missing or no text.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => Mapper(inputSchema);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The input column is missing or no text.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new BatchedView(input, Mapper(input.Schema));
    }

    /// <summary>Frees the model.</summary>
    public void Dispose() => Model.Dispose();

    // A step from outside ML.NET cannot write to the context, but may let a built-in step write in its place.
    void ICanSaveModel.Save(ModelSaveContext ctx)
        => ((ICanSaveModel)SavedChain.Of(_catalog, new SavedClassifier(Model, _columns, _labels, _storage))).Save(ctx);

    private ClassifierMapper Mapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new ClassifierMapper(inputSchema, new TextRows(Model, _columns.Input), _columns, _labels);
    }
}
