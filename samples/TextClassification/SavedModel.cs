using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;

namespace TextClassification;

/// <summary>Saving, loading and predicting with ML.NET's own calls.</summary>
internal static class SavedModel
{
    /// <summary>Writes beside the file and renames, so that no half-written model is left behind.</summary>
    public static void Save(MLContext ml, ITransformer model, DataViewSchema schema, string path)
    {
        var beside = path + ".tmp";
        try
        {
            ml.Model.Save(model, schema, beside);
            File.Move(beside, path, overwrite: true);
        }
        finally
        {
            File.Delete(beside);
        }
    }

    public static List<(Package Package, Prediction Prediction)> Predict(MLContext ml, ITransformer model, string rows)
    {
        using var engine = ml.Model.CreatePredictionEngine<Package, Prediction>(model, new PredictionEngineOptions { OwnsTransformer = false });
        var data = ml.Data.TakeRows(ml.Data.LoadFromTextFile<Package>(rows, hasHeader: true), Settings.SampleRows);
        return [.. ml.Data.CreateEnumerable<Package>(data, reuseRowObject: false).Select(package => (package, engine.Predict(package)))];
    }

    /// <summary>The sub-command <c>predict</c>: nothing but ML.NET is called, and nothing is registered before.</summary>
    public static bool Predict(string modelFile, string rows)
    {
        var ml = new MLContext();
        var model = ml.Model.Load(modelFile, out _);
        foreach (var (_, prediction) in Predict(ml, model, rows))
        {
            Console.WriteLine(Line(prediction));
        }

        return true;
    }

    public static List<string> PredictInNewProcess(string modelFile, string rows)
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is unknown.");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(typeof(SavedModel).Assembly.Location);
        }

        foreach (var argument in new[] { "predict", modelFile, rows })
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var lines = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"The new process that loads '{modelFile}' ended with exit code {process.ExitCode}.");
        }

        return [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    /// <summary>A prediction with all digits: equal lines are equal numbers.</summary>
    public static string Line(Prediction prediction)
        => $"{prediction.Section}\t{string.Join('\t', prediction.Score.Select(score => score.ToString("R", CultureInfo.InvariantCulture)))}";
}
