using Microsoft.ML.Data;

namespace TextClassification;

/// <summary>A row of the data: a Debian package, the section it is in and its one-line description.</summary>
public sealed class Package
{
    [LoadColumn(0)]
    public string Section { get; set; } = "";

    [LoadColumn(1), ColumnName("Package")]
    public string Name { get; set; } = "";

    [LoadColumn(2)]
    public string Description { get; set; } = "";
}

/// <summary>What the model says about a package.</summary>
public sealed class Prediction
{
    [ColumnName("PredictedLabel")]
    public string Section { get; set; } = "";

    /// <summary>One probability a section.</summary>
    public float[] Score { get; set; } = [];
}
