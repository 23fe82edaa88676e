using System.Globalization;
using System.Text;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>How often each class was predicted for each true class.</summary>
public sealed class ConfusionMatrix
{
    private readonly string[] _names;
    private readonly bool _binary;

    internal ConfusionMatrix(string[] names, double[][] counts, bool binary)
    {
        _names = names;
        _binary = binary;
        NumberOfClasses = counts.Length;
        Counts = counts.Select(row => (IReadOnlyList<double>)row.AsReadOnly()).ToArray().AsReadOnly();
        PerClassRecall = counts.Select((row, i) => Share(row[i], row.Sum())).ToArray();
        PerClassPrecision = counts.Select((_, i) => Share(counts[i][i], counts.Sum(row => row[i]))).ToArray();
    }

    public IReadOnlyList<double> PerClassPrecision { get; }

    public IReadOnlyList<double> PerClassRecall { get; }

    public IReadOnlyList<IReadOnlyList<double>> Counts { get; }

    public int NumberOfClasses { get; }

    private static double Share(double part, double all) => all > 0 ? part / all : 0;

    public double GetCountForClassPair(int predictedClassIndicatorIndex, int actualClassIndicatorIndex)
    {
        const string Message = "Invalid index. Should be non-negative, less than the number of classes.";
        Contracts.CheckParam(predictedClassIndicatorIndex >= 0 && predictedClassIndicatorIndex < NumberOfClasses, nameof(predictedClassIndicatorIndex), Message);
        Contracts.CheckParam(actualClassIndicatorIndex >= 0 && actualClassIndicatorIndex < NumberOfClasses, nameof(actualClassIndicatorIndex), Message);
        return Counts[actualClassIndicatorIndex][predictedClassIndicatorIndex];
    }

    public string GetFormattedConfusionTable()
    {
        int width = NumberOfClasses == 2 ? 8 : 5;
        int longest = _names.Max(n => n.Length);
        // Names too long for a column stand in the rows only, behind the number that heads their column.
        bool numbered = longest > width;
        int digits = (NumberOfClasses - 1).ToString(CultureInfo.InvariantCulture).Length;
        int left = Math.Max("PREDICTED".Length, numbered ? digits + 2 + longest : longest);
        string bar = new('=', NumberOfClasses * (NumberOfClasses > 2 ? 8 : 11));

        var text = new StringBuilder();
        if (NumberOfClasses == 2 && _binary)
        {
            double positive = Counts[0].Sum(), negative = Counts[1].Sum();
            text.Append(CultureInfo.CurrentCulture,
                $"TEST {_names[0].ToUpper(CultureInfo.CurrentCulture)} RATIO:\t{positive / (positive + negative):N4} ({positive:F1}/({positive:F1}+{negative:F1}))");
        }
        text.AppendLine().AppendLine("Confusion table");
        text.AppendLine($"{new string(' ', left)} ||{bar}");
        text.Append($"{"PREDICTED".PadRight(left)} ||");
        for (int i = 0; i < NumberOfClasses; i++)
            text.Append($" {(numbered ? i.ToString(CultureInfo.CurrentCulture) : _names[i]).PadLeft(width)} |");
        text.AppendLine(" Recall");
        text.AppendLine($"{"TRUTH".PadRight(left)} ||{bar}");
        for (int i = 0; i < NumberOfClasses; i++)
        {
            string name = numbered ? $"{i.ToString(CultureInfo.CurrentCulture).PadLeft(digits)}. {_names[i].PadLeft(left - digits - 2)}" : _names[i].PadLeft(left);
            text.Append(name).Append(" ||");
            foreach (double count in Counts[i])
                text.Append($" {count.ToString("N0", CultureInfo.CurrentCulture).PadLeft(width)} |");
            text.AppendLine($" {PerClassRecall[i].ToString("F4", CultureInfo.CurrentCulture).PadLeft(5)}");
        }
        text.AppendLine($"{new string(' ', left)} ||{bar}");
        text.Append($"{"Precision".PadRight(left)} ||");
        foreach (double precision in PerClassPrecision)
            text.Append($"{precision.ToString("N4", CultureInfo.CurrentCulture).PadLeft(width + 1)} |");
        return text.AppendLine().ToString();
    }
}
