using System.Globalization;
using System.Text;
using System.Text.Json;
using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace Bench.Accuracy;

/// <summary>Result lines as a table, times and memory relative to LoRA's in the same run: another run is another load of the machine.</summary>
internal static class ResultTable
{
    public static string Write(IEnumerable<IEnumerable<string>> runs)
    {
        var rows = runs.SelectMany(Relative).DistinctBy(row => row.Result.Method);
        var text = new StringBuilder();
        text.Append("| method | trained | learning rate | accuracy | ± 95 % | processor time a step, LoRA = 1 | peak memory, LoRA = 1 |\n| --- | --- | --- | --- | --- | --- | --- |\n");
        foreach (var (r, time, memory) in rows.OrderByDescending(row => row.Result.Accuracies.Average()))
        {
            var (mean, n) = (r.Accuracies.Average(), r.Accuracies.Length);
            var interval = n > 1 ? StudentT.InvCDF(0, 1, n - 1, 0.975) * r.Accuracies.StandardDeviation() / Math.Sqrt(n) : double.NaN;
            text.Append(CultureInfo.InvariantCulture, $"| {r.Method} | {r.Trainable:N0} | {r.Rate:0.####} | {mean:F3} | {interval:F3} | {time:F2} | {memory:F2} |\n");
        }

        return text.ToString();
    }

    private static IEnumerable<(Result Result, double Time, double Memory)> Relative(IEnumerable<string> lines)
    {
        var results = lines.Where(l => l.StartsWith('{')).Select(l => JsonSerializer.Deserialize<Result>(l)!).ToList();
        var lora = results.FirstOrDefault(r => r.Method == "lora") ?? throw new InvalidDataException("A run has no line of 'lora', with which the others are compared.");
        return results.Select(r => (r, r.StepSeconds / lora.StepSeconds, r.PeakMiB / lora.PeakMiB));
    }
}
