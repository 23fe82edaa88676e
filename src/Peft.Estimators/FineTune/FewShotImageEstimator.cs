using Microsoft.ML;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Procedures.ZeroShot;
using Microsoft.ML.Peft.Training;
using Peft.Estimators.Persistence;
using Peft.Estimators.Schema;

namespace Peft.Estimators.FineTune;

/// <summary>Sorts pictures by the names of their classes: trains an adapter of a CLIP on a few pictures of each class, or takes the model as it is.</summary>
/// <remarks>
/// <para>Reads a column of pictures and a key column; writes <c>PredictedLabel</c> (key, the label's values) and
/// <c>Score</c> (one single a class, in key order, summing to 1).</para>
/// <para>The same data, settings and seed give the same model, whatever ran before in the process.</para>
/// </remarks>
public sealed class FewShotImageEstimator : IEstimator<FewShotImageTransformer>
{
    private readonly TransformsCatalog _catalog;
    private readonly TrainingContext _context;
    private readonly FewShotImageOptions _options;
    private readonly int _seed;

    internal FewShotImageEstimator(TransformsCatalog catalog, TrainingContext context, FewShotImageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _catalog = catalog;
        _context = context;
        _options = options.Checked();
        _seed = options.Seed ?? context.DrawSeed(); // once, so that Fit twice gives the same model twice
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A column that is read is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        ColumnChecks.Image(inputSchema, _options.InputColumn);
        var labels = Shapes.LabelKindOf(ColumnChecks.Key(inputSchema, _options.LabelColumn));
        return Shapes.With(
            inputSchema,
            Shapes.PredictedLabel(_catalog, _options.PredictedLabelColumn, labels),
            Shapes.Score(_catalog, _options.ScoreColumn, labels));
    }

    /// <summary>Trains on the pictures of <paramref name="input"/> that have a label, or on a few of each class; without an adapter it only takes the names of the classes.</summary>
    /// <returns>The fitted transformer, which owns the model: dispose it when done.</returns>
    /// <exception cref="ArgumentException">A column that is read is missing or of another type, or a class has fewer pictures than <see cref="FewShotImageOptions.Shots"/>.</exception>
    /// <exception cref="PeftException">The data has a single class or no picture with a label, the base model cannot be used, or the loss stopped being a number.</exception>
    /// <exception cref="OperationCanceledException"><see cref="FewShotImageOptions.Cancellation"/> was cancelled.</exception>
    public FewShotImageTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var image = ColumnChecks.Image(input.Schema, _options.InputColumn);
        var label = ColumnChecks.Key(input.Schema, _options.LabelColumn);
        var labels = LabelValues.Of(label);
        if (labels.Count < 2)
        {
            throw new PeftException($"Label column '{label.Name}' has a single class; classification needs at least two.");
        }

        using var log = _context.StartLog(nameof(Fit));
        _context.CheckDevice(log);
        var model = ImageTextClassifier.Load(_options.Model, new ImageTextSettings
        {
            Adapter = _options.Adapter,
            Labels = labels.Names,
            Templates = _options.Templates,
            LogitScale = _options.LogitScale,
            Seed = _seed,
        });
        try
        {
            log.Info(FormattableString.Invariant($"{model.BaseModel}: {model.TrainableCount:N0} of {model.TotalCount:N0} parameters are trained ({(double)model.TrainableCount / model.TotalCount:P2})."));
            var report = model.Adapter is null ? null : Train(model, Read(input, image, label, log), log);
            var columns = new ClassifierColumns(_options.InputColumn, _options.PredictedLabelColumn, _options.ScoreColumn);
            return new FewShotImageTransformer(
                _catalog, new SavedImageClassifier(model, columns, labels, _options.ImageFolder, image.Type is Microsoft.ML.Data.TextDataViewType, _options.BaseModelStorage), report);
        }
        catch
        {
            model.Dispose(); // native memory: the collector would not hurry
            throw;
        }
    }

    private TrainingReport Train(ImageTextClassifier model, List<(RgbImage Picture, int Label)> rows, TrainingLog log)
    {
        var report = model.Fit(
            [.. rows.Select(row => row.Picture)],
            [.. rows.Select(row => row.Label)],
            _options.Training with { Seed = _seed },
            _options.Augmentation,
            _options.Progress,
            _options.Cancellation);
        log.Info(FormattableString.Invariant($"{report.Steps} steps on {rows.Count} pictures: loss {report.FinalLoss:F4}."));
        return report;
    }

    // Labels first, so that only the pictures that were drawn are decoded.
    private List<(RgbImage Picture, int Label)> Read(IDataView input, DataViewSchema.Column image, DataViewSchema.Column label, TrainingLog log)
    {
        var keys = new List<int>();
        using (var cursor = input.GetRowCursor([label]))
        {
            var read = TrainingRows.KeyReader(cursor, label);
            while (cursor.MoveNext())
            {
                keys.Add(checked((int)read()) - 1); // -1 for ML.NET's missing key
            }
        }

        int[] labelled = [.. Enumerable.Range(0, keys.Count).Where(k => keys[k] >= 0)];
        HashSet<int> chosen = [.. _options.Shots is { } shots ? FewShotSample.Draw([.. labelled.Select(k => keys[k])], shots, _seed).Select(k => labelled[k]) : labelled];
        var rows = new List<(RgbImage Picture, int Label)>();
        using (var cursor = input.GetRowCursor([image]))
        {
            var read = ImageColumn.Getter(cursor, image, _options.ImageFolder);
            for (var k = 0; cursor.MoveNext(); k++)
            {
                if (chosen.Contains(k) && read() is { } picture)
                {
                    rows.Add((picture, keys[k]));
                }
            }
        }

        if (rows.Count == 0)
        {
            throw new PeftException("The training data has no picture with a label.");
        }

        if (rows.Count < chosen.Count || labelled.Length < keys.Count)
        {
            log.Warning($"{keys.Count - labelled.Length} rows without a label and {chosen.Count - rows.Count} without a picture were skipped.");
        }

        return rows;
    }
}
