using Microsoft.ML;
using Microsoft.ML.Data;

namespace Peft.Estimators.Tests;

/// <summary>Real rows for the tests: descriptions of packages in three sections.</summary>
internal static class Data
{
    public static readonly string[] Sections = ["sound", "graphics", "net"];

    private static readonly Lazy<Row[]> s_rows = new(Read);

    public static string BaseModel => Path.Combine(AppContext.BaseDirectory, "models", "bert-docs");

    /// <summary>As many rows as asked for, the sections in turn.</summary>
    public static Row[] Rows(int count) => s_rows.Value[..count];

    public static IDataView View(MLContext ml, int count) => ml.Data.LoadFromEnumerable(Rows(count));

    private static Row[] Read()
    {
        var lines = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "data", "debian-sections.train.tsv")).Skip(1)
            .Select(line => line.Split('\t')).ToLookup(fields => fields[0], fields => fields[2]);
        var bySection = Sections.Select(section => lines[section].ToArray()).ToArray();
        return [.. Enumerable.Range(0, Sections.Length * bySection.Min(rows => rows.Length)).Select(i => new Row
        {
            Id = i,
            Section = Sections[i % Sections.Length],
            Description = bySection[i % Sections.Length][i / Sections.Length],
            Size = [i, i + 0.5f],
        })];
    }
}

internal sealed class Row
{
    public int Id { get; set; }

    public string Section { get; set; } = "";

    public string Description { get; set; } = "";

    [VectorType(2)]
    public float[] Size { get; set; } = [];
}

internal sealed class Predicted
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}

internal sealed class PredictedKey
{
    public uint PredictedLabel { get; set; }

    public float[] Score { get; set; } = [];
}
