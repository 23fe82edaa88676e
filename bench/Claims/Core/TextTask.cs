using System.Diagnostics;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Training;

namespace Bench.Claims.Core;

/// <summary>Classes of Debian's package descriptions with models/bert-docs or another model: 3,472 training rows, 869 test rows, 10 classes.</summary>
internal sealed class TextTask
{
    private readonly ClaimSettings _settings;
    private readonly string _model;
    private readonly string[] _labels;
    private readonly List<TextExample> _train;
    private readonly List<TextExample> _test;

    /// <summary>Reads the rows; of the training rows the first <paramref name="rows"/>, for few-shot claims.</summary>
    public TextTask(ClaimSettings settings, int rows = int.MaxValue, string model = "bert-docs")
    {
        (_settings, _model) = (settings, settings.Model(model));
        var (train, test) = (Read("train"), Read("test"));
        _labels = [.. train.Select(r => r.Section).Distinct().Order(StringComparer.Ordinal)];
        (_train, _test) = (Examples(train.Take(rows)), Examples(test));
    }

    /// <summary>One run on all training rows.</summary>
    /// <param name="Accuracy">Share of the rows that were held back from it and are right.</param>
    /// <param name="Trainable">Trained numbers, the head included.</param>
    /// <param name="StepSeconds">Processor time of a step.</param>
    /// <param name="Loss">Mean training loss of the last epoch.</param>
    /// <param name="HeldLoss">Cross-entropy of the rows that were held back.</param>
    public sealed record Outcome(double Accuracy, long Trainable, double StepSeconds, double Loss, double HeldLoss);

    /// <summary>Numbers of the trained head, which every method has beside its own.</summary>
    public long HeadCount()
    {
        using var model = Load(null, 0);
        return model.TrainableCount;
    }

    /// <summary>The learning rate that does best on a tenth of the training rows; the test rows are not looked at.</summary>
    /// <param name="options">The method, or null for the head alone.</param>
    /// <param name="rates">The rates to choose from.</param>
    /// <param name="epochs">Passes over the rows.</param>
    /// <param name="before">Called with the new model before it is trained.</param>
    public double Tune(AdapterOptions? options, IReadOnlyList<double> rates, int epochs, Action<TextClassifier>? before = null)
    {
        var (kept, held) = (_train.Where((_, k) => k % 10 != 0).ToList(), _train.Where((_, k) => k % 10 == 0).ToList());
        return rates.Count == 1 ? rates[0] : rates.MaxBy(rate => Run(options, rate, 100, epochs, kept, held, before, null).Accuracy);
    }

    /// <summary>Trains on the training rows and looks at the test rows.</summary>
    /// <param name="options">The method, or null for the head alone.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="epochs">Passes over the rows, before <see cref="ClaimSettings.Effort"/>.</param>
    /// <param name="after">Called with the trained model before it goes, to look at it or to measure more.</param>
    /// <param name="before">Called with the new model before it is trained.</param>
    public Outcome Run(AdapterOptions? options, double rate, int seed, int epochs, Action<TextClassifier>? after = null, Action<TextClassifier>? before = null)
        => Run(options, rate, seed, epochs, _train, _test, before, after);

    /// <summary>Share of the test rows that a model gets right.</summary>
    public double Accuracy(TextClassifier model) => Accuracy(model, _test);

    private static double Accuracy(TextClassifier model, List<TextExample> rows) => Held(model, rows).Accuracy;

    private static (double Accuracy, double Loss) Held(TextClassifier model, List<TextExample> rows)
    {
        var pairs = model.Predict([.. rows.Select(r => r.Text)]).Zip(rows).ToList();
        return (
            pairs.Average(pair => Array.IndexOf(pair.First, pair.First.Max()) == pair.Second.Label ? 1.0 : 0.0),
            pairs.Average(pair => -Math.Log(Math.Max(pair.First[pair.Second.Label], 1e-12))));
    }

    private Outcome Run(
        AdapterOptions? options,
        double rate,
        int seed,
        int epochs,
        List<TextExample> train,
        List<TextExample> test,
        Action<TextClassifier>? before,
        Action<TextClassifier>? after)
    {
        using var model = Load(options, seed);
        before?.Invoke(model);
        var used = Process.GetCurrentProcess().TotalProcessorTime;
        try
        {
            var report = Trainer.Fit(model, train, new() { Epochs = _settings.Steps(epochs), BatchSize = 32, LearningRate = rate });
            var seconds = (Process.GetCurrentProcess().TotalProcessorTime - used).TotalSeconds / report.Steps;
            after?.Invoke(model);
            var (accuracy, loss) = Held(model, test);
            return new(accuracy, model.TrainableCount, seconds, report.FinalLoss, loss);
        }
        catch (PeftException error) when (error.Message.StartsWith("The loss is", StringComparison.Ordinal))
        {
            return new(0, model.TrainableCount, double.NaN, double.PositiveInfinity, double.PositiveInfinity); // this learning rate is too high
        }
    }

    private TextClassifier Load(AdapterOptions? options, int seed)
        => TextClassifier.Load(_model, new() { Adapter = options, Labels = _labels, MaxLength = 48, Seed = seed, Device = _settings.Device });

    private List<(string Section, string Text)> Read(string part)
        => [.. File.ReadLines(Path.Combine(_settings.Data, $"debian-sections.{part}.tsv")).Skip(1).Select(line => line.Split('\t')).Select(cells => (cells[0], cells[2]))];

    private List<TextExample> Examples(IEnumerable<(string Section, string Text)> rows)
        => [.. rows.Select(row => new TextExample(row.Text, Array.IndexOf(_labels, row.Section)))];
}
