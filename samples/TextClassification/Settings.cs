namespace TextClassification;

/// <summary>The command line of the main job.</summary>
internal sealed record Settings(
    string Model, string Train, string Test, string Out, int Epochs, double LearningRate, double HeadLearningRate, int Rank, double Alpha, int BatchSize, int MaxLength)
{
    public const string InputColumn = nameof(Package.Description);
    public const string LabelColumn = nameof(Package.Section);

    /// <summary>Sample rows that are predicted one by one, here and in a new process.</summary>
    public const int SampleRows = 5;

    public string ModelFile => Path.Combine(Out, "model.zip");

    public string AdapterFolder => Path.Combine(Out, "adapter");
}
