using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Bench.Accuracy;

/// <summary>Result lines as a table, times and memory relative to LoRA's.</summary>
internal static class ResultTable
{
    // Student's t for 95 % and 1, 2, … degrees of freedom.
    private static readonly double[] s_t = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

    public static string Write(IEnumerable<string> lines)
    {
        var results = lines.Where(l => l.StartsWith('{')).Select(l => JsonSerializer.Deserialize<Result>(l)!).ToList();
        var lora = results.FirstOrDefault(r => r.Method == "lora") ?? throw new InvalidDataException("There is no line of 'lora', to which the others are compared.");
        var text = new StringBuilder();
        text.Append("| method | trained | learning rate | accuracy | ± 95 % | processor time a step, LoRA = 1 | peak memory, LoRA = 1 |\n| --- | --- | --- | --- | --- | --- | --- |\n");
        foreach (var r in results.OrderByDescending(r => r.Accuracies.Average()))
        {
            var (mean, n) = (r.Accuracies.Average(), r.Accuracies.Length);
            var deviation = n > 1 ? Math.Sqrt(r.Accuracies.Sum(a => (a - mean) * (a - mean)) / (n - 1)) : double.NaN;
            var interval = n > 1 ? s_t[Math.Min(n - 2, s_t.Length - 1)] * deviation / Math.Sqrt(n) : double.NaN;
            text.Append(CultureInfo.InvariantCulture, $"| {r.Method} | {r.Trainable:N0} | {r.Rate:0.####} | {mean:F3} | {interval:F3} | {r.StepSeconds / lora.StepSeconds:F2} | {r.PeakMiB / lora.PeakMiB:F2} |\n");
        }

        return text.ToString();
    }
}
