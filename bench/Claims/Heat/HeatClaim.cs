using System.Text.Json.Nodes;
using Bench.Claims.Core;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;

namespace Bench.Claims.Heat;

/// <summary>HEAT (Zhong and Zhou 2024, arXiv:2404.08894): the heads with the lowest Taylor scores can be silenced for nothing, those with the highest cannot, and training is no worse without them.</summary>
/// <remarks>LoRA of rank 8 on query and value of models/bert-docs, 1,000 rows of debian-sections, in place of vision models of two domains. A quarter is one head of four in each of 4 blocks. The trained
/// adapter's file is read again with other silent heads, without more training; then HEAT trains from warm-up to end. Adapter and head are the same on both sides, each with its own learning rate.</remarks>
internal sealed class HeatClaim : IClaim
{
    private const int Rows = 1000;
    private const int Epochs = 6;
    private const int Warmup = 2;

    private static readonly LoraOptions s_lora = new() { Rank = 8, Alpha = 16 };

    public string Method => "heat";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        foreach (var result in HeatPictures.Run(settings, Method))
        {
            yield return result;
        }

        var task = new TextTask(settings, Rows);
        var short_ = settings.Steps(2 * Epochs / 3) <= Warmup; // only to see whether it runs
        var heat = new HeatOptions { PrunedHeads = 1, WarmupEpochs = short_ ? 1 : Warmup, Restart = short_, Adapter = s_lora };
        var (lowest, drawn, highest) = (new List<double>(), new List<double>(), new List<double>());
        var lora = TextArm.Train(task, settings, s_lora, TextArm.UsualRates, Epochs);
        foreach (var (seed, k) in settings.SeedNumbers.Select((seed, k) => (seed, k)))
        {
            // Scores of the last epochs, and nothing silenced: the run is LoRA's.
            var measured = heat with { PrunedHeads = 0, WarmupEpochs = short_ ? 1 : settings.Steps(Epochs) - 1 };
            task.Run(measured, lora.Rate, seed, Epochs, model =>
            {
                var scores = ((HeatOptions)model.Settings.Adapter!).HeadScores!;
                var random = new Random(seed);
                var whole = task.Accuracy(model);
                lowest.Add(100 * (Silenced(settings, task, model, [.. scores.Select(s => ArgBest(s, -1))]) - whole));
                highest.Add(100 * (Silenced(settings, task, model, [.. scores.Select(s => ArgBest(s, 1))]) - whole));
                drawn.Add(100 * (Silenced(settings, task, model, [.. scores.Select(s => random.Next(s.Count))]) - whole));
            });
        }

        yield return new(
            Method,
            "without more training, silencing the quarter of the heads with the lowest scores costs at most 0.5 points",
            $"{Interval.Of(lowest).ToString("F1")} points",
            ClaimResult.Of(Interval.Of(lowest).Mean >= -0.5));
        yield return new(
            Method,
            "the quarter with the highest scores costs at least 5 points more, and heads drawn at random something between",
            $"highest {Interval.Of(highest).ToString("F1")} points, drawn {Interval.Of(drawn).ToString("F1")}, lowest {Interval.Of(lowest).ToString("F1")}",
            ClaimResult.Of(Interval.OfDifferences(lowest, highest).Mean >= 5, drawn.Average() <= lowest.Average() && drawn.Average() >= highest.Average()));
        var ours = TextArm.Train(task, settings, heat, TextArm.UsualRates, Epochs);
        yield return new(
            Method,
            "trained with the silent heads from warm-up to end it is not worse than LoRA with all of them (the paper's gain is some tenths of a point)",
            $"{ours.Above(lora).ToString("F1")} points: HEAT {ours}, LoRA {lora}",
            ClaimResult.Of(ours.Above(lora).Mean >= 0));
    }

    private static int ArgBest(IReadOnlyList<double> scores, int sign) => Enumerable.Range(0, scores.Count).MaxBy(h => sign * scores[h]);

    // The adapter's file with other silent heads: one in each block.
    private static double Silenced(ClaimSettings settings, TextTask task, TextClassifier model, int[] heads)
    {
        var folder = Directory.CreateTempSubdirectory("claim-heat-");
        try
        {
            model.SaveAdapter(folder.FullName);
            var path = Path.Combine(folder.FullName, "adapter_config.json");
            var config = JsonNode.Parse(File.ReadAllText(path))!;
            config["silent_heads"] = new JsonArray([.. heads.Select(h => new JsonArray(h))]);
            File.WriteAllText(path, config.ToJsonString());
            using var masked = TextClassifier.LoadAdapter(settings.Model("bert-docs"), folder.FullName, model.Settings);
            return task.Accuracy(masked);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
