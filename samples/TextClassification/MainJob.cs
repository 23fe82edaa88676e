using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Peft.Estimators;
using Peft.Estimators.FineTune;

namespace TextClassification;

/// <summary>Trains, evaluates, saves, loads in a new process and compares.</summary>
internal sealed class MainJob(Settings settings)
{
    private const double LeastAccuracy = 0.74;
    private const int MostEpochs = 6;

    private readonly MLContext _ml = new(seed: 1);

    public bool Run()
    {
        var train = Load(settings.Train);
        var test = Load(settings.Test);
        var lora = new LoraOptions { Rank = settings.Rank, Alpha = settings.Alpha }; // on query and value, the default for BERT

        using var first = Fit("LoRA, seed 0", lora, seed: 0, train);
        var classifier = Classifier(first);
        Console.WriteLine($"trainable parameters: {classifier.TrainableCount:N0} of {classifier.TotalCount:N0} ({(double)classifier.TrainableCount / classifier.TotalCount:P2})");
        var metrics = _ml.MulticlassClassification.Evaluate(first.Transform(test));
        Console.WriteLine($"accuracy {metrics.MicroAccuracy:F4}, macro accuracy {metrics.MacroAccuracy:F4}, log-loss {metrics.LogLoss:F4}");
        Console.WriteLine(metrics.ConfusionMatrix.GetFormattedConfusionTable());
        var same = SaveAndCompare(first, train.Schema);

        using var second = Fit("LoRA, seed 1", lora, seed: 1, train);
        var accuracy = (metrics.MicroAccuracy + Accuracy(second, test)) / 2;
        using var frozen = Fit("head only", adapter: null, seed: 0, train);
        var headOnly = Accuracy(frozen, test);
        var seconds = new[] { first, second, frozen }.Sum(model => Classifier(model).Report!.Duration.TotalSeconds);

        return Held(same, "the new process predicts other scores than this one")
            & Held(accuracy >= LeastAccuracy, $"the accuracy, {accuracy:F4}, is below {LeastAccuracy}")
            & Held(settings.Epochs <= MostEpochs, $"{settings.Epochs} epochs are more than {MostEpochs}")
            && Done(FormattableString.Invariant(
                $"main job ok: accuracy={accuracy:F4} head_only={headOnly:F4} trainable={classifier.TrainableCount} train_seconds={seconds:F1}"));
    }

    private IDataView Load(string path)
        => File.Exists(path) ? _ml.Data.LoadFromTextFile<Package>(path, hasHeader: true) : throw new FileNotFoundException($"The data file '{path}' does not exist.");

    /// <summary>The pipeline: section to key, fine-tune, predicted key back to section.</summary>
    private TransformerChain<ITransformer> Fit(string title, AdapterOptions? adapter, int seed, IDataView train)
    {
        using var progress = new ProgressLine(title);
        var pipeline = _ml.Transforms.Conversion.MapValueToKey("Label", Settings.LabelColumn)
            .Append(_ml.Transforms.PeftFineTune(_ml, new PeftFineTuneOptions
            {
                Task = PeftTask.TextClassification,
                Model = settings.Model,
                InputColumn = Settings.InputColumn,
                Adapter = adapter,
                Epochs = settings.Epochs,
                BatchSize = settings.BatchSize,
                LearningRate = adapter is null ? settings.HeadLearningRate : settings.LearningRate,
                MaxLength = settings.MaxLength,
                Seed = seed,
                Progress = progress.Show,
            }))
            .Append<ITransformer>(_ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        return pipeline.Fit(train);
    }

    private double Accuracy(ITransformer model, IDataView test)
    {
        var accuracy = _ml.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy;
        Console.WriteLine($"accuracy {accuracy:F4}");
        return accuracy;
    }

    private bool SaveAndCompare(TransformerChain<ITransformer> model, DataViewSchema schema)
    {
        Directory.CreateDirectory(settings.Out);
        SavedModel.Save(_ml, model, schema, settings.ModelFile);
        Classifier(model).SaveAdapter(settings.AdapterFolder);
        Console.WriteLine($"saved {settings.ModelFile} ({new FileInfo(settings.ModelFile).Length / 1e6:F1} MB) and {settings.AdapterFolder}");

        var here = SavedModel.Predict(_ml, model, settings.Test);
        foreach (var (package, prediction) in here)
        {
            Console.WriteLine($"  {package.Description}");
            Console.WriteLine($"    {package.Section} predicted as {string.Join(", ", Best(prediction, Classifier(model).Labels))}");
        }

        var there = SavedModel.PredictInNewProcess(settings.ModelFile, settings.Test);
        var same = here.Select(row => SavedModel.Line(row.Prediction)).SequenceEqual(there);
        Console.WriteLine($"loaded in a new process: {(same ? "equal" : "DIFFERENT")} scores for the same {here.Count} rows");
        return same;
    }

    private static IEnumerable<string> Best(Prediction prediction, IReadOnlyList<string> names)
        => prediction.Score.Select((score, i) => (score, name: names[i])).OrderByDescending(one => one.score).Take(3).Select(one => $"{one.name} {one.score:P1}");

    private static PeftFineTuneTransformer Classifier(IEnumerable<ITransformer> model) => model.OfType<PeftFineTuneTransformer>().Single();

    private static bool Held(bool condition, string otherwise)
    {
        if (!condition)
        {
            Console.Error.WriteLine($"error: {otherwise}.");
        }

        return condition;
    }

    private static bool Done(string line)
    {
        Console.WriteLine(line);
        return true;
    }
}
