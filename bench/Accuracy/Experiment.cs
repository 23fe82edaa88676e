using System.Diagnostics;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Training;

namespace Bench.Accuracy;

/// <summary>What came of a method.</summary>
internal sealed record Result(string Method, double Rate, double[] Accuracies, long Trainable, double StepSeconds, double PeakMiB);

/// <summary>Text classification with one base model; the learning rate is chosen on rows that are held back from the training rows, never on the test rows.</summary>
internal sealed class Experiment
{
    private readonly string _model;
    private readonly int _epochs;
    private readonly string[] _labels;
    private readonly List<TextExample> _train;
    private readonly List<TextExample> _test;

    public Experiment(string model, string data, int epochs)
    {
        (_model, _epochs) = (model, epochs);
        var (train, test) = (Read(Path.Combine(data, "debian-sections.train.tsv")), Read(Path.Combine(data, "debian-sections.test.tsv")));
        _labels = [.. train.Select(r => r.Section).Distinct().Order(StringComparer.Ordinal)];
        _train = Examples(train);
        _test = Examples(test);
    }

    public Result Run(Candidate candidate, int seeds)
    {
        // Every tenth row: the file is sorted by nothing that matters.
        var (kept, held) = (_train.Where((_, k) => k % 10 != 0).ToList(), _train.Where((_, k) => k % 10 == 0).ToList());
        var rate = candidate.Rates.Count == 1
            ? candidate.Rates[0]
            : candidate.Rates.MaxBy(r => Accuracy(candidate, r, seed: 100, Math.Max(1, _epochs / 2), kept, held).Accuracy);
        var runs = Enumerable.Range(1, seeds).Select(seed => Accuracy(candidate, rate, seed, _epochs, _train, _test)).ToList();
        return new(
            candidate.Name, rate, [.. runs.Select(r => r.Accuracy)], runs[0].Trainable, runs.Select(r => r.StepSeconds).Order().ElementAt(runs.Count / 2), PeakMiB());
    }

    /// <summary>Count of numbers that a method would train.</summary>
    public long Trainable(Candidate candidate)
    {
        using var experts = candidate.Experts is null ? null : new ExpertFolders(candidate, this, seed: 1, epochs: 0, _train);
        using var model = Load(experts?.Options ?? candidate.Options, seed: 1);
        return model.TrainableCount;
    }

    /// <summary>A new classifier with an adapter.</summary>
    internal TextClassifier Load(AdapterOptions? adapter, int seed) => TextClassifier.Load(_model, new() { Adapter = adapter, Labels = _labels, MaxLength = 48, Seed = seed });

    private (double Accuracy, long Trainable, double StepSeconds) Accuracy(
        Candidate candidate, double rate, int seed, int epochs, List<TextExample> train, List<TextExample> test)
    {
        using var experts = candidate.Experts is null ? null : new ExpertFolders(candidate, this, seed, epochs, train);
        using var model = Load(experts?.Options ?? candidate.Options, seed);
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        double accuracy, seconds;
        try
        {
            var report = Trainer.Fit(model, train, new() { Epochs = epochs, BatchSize = 32, LearningRate = rate });
            seconds = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds / report.Steps;
            var scores = model.Predict([.. test.Select(r => r.Text)]);
            accuracy = scores.Zip(test).Average(pair => Array.IndexOf(pair.First, pair.First.Max()) == pair.Second.Label ? 1.0 : 0.0);
        }
        catch (PeftException error) when (error.Message.StartsWith("The loss is", StringComparison.Ordinal))
        {
            (accuracy, seconds) = (0, double.NaN); // this learning rate is too high
        }

        return (accuracy, model.TrainableCount, seconds);
    }

    // VmHWM: the most memory that the process has used.
    private static double PeakMiB()
    {
        if (!OperatingSystem.IsLinux())
        {
            return Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0;
        }

        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) / 1024;
    }

    private static List<(string Section, string Text)> Read(string path)
        => [.. File.ReadLines(path).Skip(1).Select(line => line.Split('\t')).Select(cells => (cells[0], cells[2]))];

    private List<TextExample> Examples(List<(string Section, string Text)> rows)
        => [.. rows.Select(row => new TextExample(row.Text, Array.IndexOf(_labels, row.Section)))];
}
