using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters;

namespace Bench.Accuracy;

/// <summary>A method with its settings and the learning rates to choose from.</summary>
/// <param name="Name">Name in methods.json.</param>
/// <param name="Options">The settings, or null for a trained head alone.</param>
/// <param name="Rates">Learning rates to choose from.</param>
/// <param name="Experts">What X-LoRA's experts are trained with before it, or null.</param>
internal sealed record Candidate(string Name, AdapterOptions? Options, IReadOnlyList<double> Rates, Experts? Experts);

/// <summary>Settings of the adapters that a method mixes.</summary>
internal sealed record Experts(AdapterOptions Options, double Rate);

/// <summary>Reads methods.json: name → adapter_config.json of the method, with <c>rates</c> besides where the usual ones do not do, and <c>experts</c> where the method mixes some.</summary>
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
            Experts? experts = null;
            if (config["experts"]?.AsObject() is { } settings)
            {
                config.Remove("experts");
                var rate = settings["rate"]!.GetValue<double>();
                settings.Remove("rate");
                experts = new(AdapterOptions.FromJson(settings.ToJsonString(), $"methods.json: experts of {entry.Key}"), rate);
            }

            return new Candidate(
                entry.Key, config.Count == 0 ? null : AdapterOptions.FromJson(config.ToJsonString(), $"methods.json: {entry.Key}"), rates, experts);
        })];
    }
}
