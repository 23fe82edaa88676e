using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters;

namespace Bench.Accuracy;

/// <summary>A method with its settings and the learning rates to choose from.</summary>
internal sealed record Candidate(string Name, AdapterOptions? Options, IReadOnlyList<double> Rates);

/// <summary>Reads methods.json: name → adapter_config.json of the method, with <c>rates</c> besides where the usual ones do not do.</summary>
internal static class Candidates
{
    private static readonly double[] s_rates = [1e-3, 3e-3, 1e-2, 3e-2];

    public static IReadOnlyList<Candidate> Read()
    {
        var all = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "methods.json")))!.AsObject();
        return [.. all.Select(entry =>
        {
            var config = entry.Value!.AsObject();
            var rates = config["rates"]?.Deserialize<double[]>() ?? s_rates;
            config.Remove("rates");
            return new Candidate(entry.Key, config.Count == 0 ? null : AdapterOptions.FromJson(config.ToJsonString(), $"methods.json: {entry.Key}"), rates);
        })];
    }
}
