namespace Peft.Estimators.FineTune;

/// <summary>Names of the columns that a classifier reads and writes.</summary>
internal sealed record ClassifierColumns(string Input, string PredictedLabel, string Score)
{
    public ClassifierColumns(PeftFineTuneOptions options)
        : this(options.InputColumn, options.PredictedLabelColumn, options.ScoreColumn)
    {
    }
}
