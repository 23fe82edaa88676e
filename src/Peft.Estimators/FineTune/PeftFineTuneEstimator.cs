using Microsoft.ML;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Training;
using Peft.Estimators.Schema;

namespace Peft.Estimators.FineTune;

/// <summary>Fine-tunes a base model: trains an adapter and a new head, and leaves the base as it is.</summary>
/// <remarks>
/// <para>Reads a text column and a key column; writes <c>PredictedLabel</c> (key, the label's values) and
/// <c>Score</c> (one single a class, in key order, summing to 1).</para>
/// <para>The same data, settings and seed give the same model, whatever ran before in the process.</para>
/// </remarks>
public sealed class PeftFineTuneEstimator : IEstimator<PeftFineTuneTransformer>
{
    private readonly TransformsCatalog _catalog;
    private readonly TrainingContext _context;
    private readonly PeftFineTuneOptions _options;
    private readonly int _seed;

    internal PeftFineTuneEstimator(TransformsCatalog catalog, TrainingContext context, PeftFineTuneOptions options)
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
        ColumnChecks.Text(inputSchema, _options.InputColumn);
        var labels = Shapes.LabelKindOf(ColumnChecks.Key(inputSchema, _options.LabelColumn));
        return Shapes.With(
            inputSchema,
            Shapes.PredictedLabel(_catalog, _options.PredictedLabelColumn, labels),
            Shapes.Score(_catalog, _options.ScoreColumn, labels));
    }

    /// <summary>Trains on the rows of <paramref name="input"/> that have a label; they are read once.</summary>
    /// <returns>The fitted transformer, which owns the model: dispose it when done.</returns>
    /// <exception cref="ArgumentException">A column that is read is missing or of another type.</exception>
    /// <exception cref="PeftException">The data has no rows or a single class, the base model cannot be used, or the loss stopped being a number.</exception>
    /// <exception cref="Microsoft.ML.Peft.Checkpoints.ModelFormatException">A file of the base model is damaged.</exception>
    /// <exception cref="OperationCanceledException"><see cref="PeftFineTuneOptions.Cancellation"/> was cancelled.</exception>
    public PeftFineTuneTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var text = ColumnChecks.Text(input.Schema, _options.InputColumn);
        var label = ColumnChecks.Key(input.Schema, _options.LabelColumn);
        var rows = new TrainingRows(input, text, label);
        var labels = LabelValues.Of(label);
        if (labels.Count < 2)
        {
            // Keys of no rows count one value, too: only the rows tell.
            throw new PeftException(rows.Any()
                ? $"Label column '{label.Name}' has a single class; classification needs at least two."
                : "The training data has no row with a label.");
        }

        using var log = _context.StartLog(nameof(Fit));
        _context.CheckDevice(log);
        var model = TextClassifier.Load(_options.Model, new ClassifierSettings
        {
            Adapter = _options.Adapter,
            Labels = labels.Names,
            MaxLength = _options.MaxLength,
            Seed = _seed,
        });
        try
        {
            Describe(model, log);
            var report = Train(model, rows, log);
            return new PeftFineTuneTransformer(_catalog, model, new ClassifierColumns(_options), labels, _options.BaseModelStorage, report);
        }
        catch
        {
            model.Dispose(); // native memory: the collector would not hurry
            throw;
        }
    }

    private TrainingReport Train(TextClassifier model, TrainingRows rows, TrainingLog log)
    {
        var epochs = new EpochLog(log);
        var report = Trainer.Fit(model, rows, _options.Training, (Action<TrainingProgress>)epochs.Show + _options.Progress, _options.Cancellation);
        epochs.End();
        if (rows.Skipped > 0)
        {
            log.Warning($"{rows.Skipped} rows without a label were skipped.");
        }

        if (report.Start is { } start)
        {
            log.Info(FormattableString.Invariant(
                $"Measured the adapter's start on {start.Batches} batches in {start.Duration.TotalSeconds:F1} s; {model.TrainableCount:N0} parameters are trained."));
        }

        log.Info(FormattableString.Invariant(
            $"Trained {report.Steps} steps in {report.Duration.TotalSeconds:F1} s; the last loss is {report.FinalLoss:F4}."));
        foreach (var note in report.Notes)
        {
            log.Warning(note);
        }

        return report;
    }

    private static void Describe(TextClassifier model, TrainingLog log)
    {
        foreach (var note in model.Notes)
        {
            log.Info(note);
        }

        if (model.Adapter.Options is not null)
        {
            log.Info($"{model.Plan()}.");
        }

        log.Info(FormattableString.Invariant(
            $"{model.BaseModel}: {model.TrainableCount:N0} of {model.TotalCount:N0} parameters are trained ({(double)model.TrainableCount / model.TotalCount:P2})."));
    }

    /// <summary>One line an epoch: its last step.</summary>
    private sealed class EpochLog(TrainingLog log)
    {
        private TrainingProgress? _latest;

        public void Show(TrainingProgress progress)
        {
            if (progress.Epoch != _latest?.Epoch)
            {
                End();
            }

            _latest = progress;
        }

        public void End()
        {
            if (_latest is { } step)
            {
                log.Info(FormattableString.Invariant(
                    $"Epoch {step.Epoch} of {step.Epochs}: loss {step.Loss:F4}, {step.RowsPerSecond:F0} rows/s."));
            }
        }
    }
}
