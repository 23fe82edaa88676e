using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;

namespace Bench.Claims.Heat;

/// <summary>HEAT on a vision transformer of 6 blocks of 8 heads, trained on two kinds of pictures and adapted to one with 1,000 of them: a quarter of the heads is two of each block.</summary>
/// <remarks>LoRA of rank 8 on query and value. After the warm-up the heads are measured; from there the same adapter goes on with no heads silent, the two with the lowest scores, the two with
/// the highest, and two drawn. The learning rate is LoRA's best on another seed.</remarks>
internal static class HeatPictures
{
    private const int Pretraining = 700;
    private const int Seeds = 5;
    private const int Epochs = 10;
    private const int Warmup = 1;
    private const int Silent = 2;

    private static readonly double[] s_rates = [1e-3, 3e-3, 1e-2];

    /// <summary>Runs it.</summary>
    public static IEnumerable<ClaimResult> Run(ClaimSettings settings, string method)
    {
        var lora = new LoraOptions { Rank = 8, Alpha = 16 };
        var epochs = Math.Max(2, settings.Steps(Epochs));
        settings = settings.Effort < 1 ? settings : settings with { Seeds = Math.Max(Seeds, settings.Seeds) };
        double rate;
        using (var other = new ToyVit(6, 8, 100, settings.Steps(Pretraining), bothKinds: true))
        {
            rate = s_rates.MaxBy(r => other.Adapt(lora, r, 100, epochs).Accuracy);
        }

        var names = new[] { "none", "lowest", "drawn", "highest" };
        var (atOnce, after) = (names.ToDictionary(name => name, _ => new List<double>()), names.ToDictionary(name => name, _ => new List<double>()));
        var before = new List<double>();
        foreach (var seed in settings.SeedNumbers)
        {
            using var vit = new ToyVit(6, 8, seed, settings.Steps(Pretraining), bothKinds: true);
            before.Add(vit.Accuracy(null, seed));
            using var measured = vit.New(new HeatOptions { PrunedHeads = 0, WarmupEpochs = Warmup, Adapter = lora }, seed);
            vit.Train(measured, rate, seed, epochs, 0, Warmup);
            var scores = ((HeatOptions)measured.Options!).HeadScores!;
            foreach (var name in names)
            {
                var random = new Random(seed);
                IReadOnlyList<IReadOnlyList<int>> silent = [.. scores.Select(block => Chosen(name, block, random))];
                using var adapter = vit.Again(measured, options => (HeatOptions)options with { SilentHeads = silent }, seed);
                atOnce[name].Add(vit.Accuracy(adapter, seed));
                vit.Train(adapter, rate, seed, epochs, Warmup);
                after[name].Add(vit.Accuracy(adapter, seed));
            }
        }

        const string Setting = "a transformer of 6 blocks of 8 heads, of two kinds of pictures, adapted to one: ";
        yield return new(
            method,
            Setting + "silencing the quarter of the heads with the lowest scores after the warm-up and training on costs at most 0.5 points",
            $"{Lost(after, "lowest").ToString("F1")} points against {Interval.Of(after["none"]).ToString("F1")} % with all heads (before {Interval.Of(before).ToString("F1")} %, rate {rate})",
            ClaimResult.Of(Lost(after, "lowest").Mean >= -0.5));
        yield return Order("silenced after the warm-up and trained on", after);
        yield return Order("silenced after the warm-up, without more training", atOnce);

        ClaimResult Order(string how, Dictionary<string, List<double>> of) => new(
            method,
            $"{Setting}{how}, the quarter with the highest scores costs at least 5 points more than that with the lowest, and heads drawn at random something between",
            $"highest {Lost(of, "highest").ToString("F1")} points, drawn {Lost(of, "drawn").ToString("F1")}, lowest {Lost(of, "lowest").ToString("F1")}",
            ClaimResult.Of(Lost(of, "lowest").Mean - Lost(of, "highest").Mean >= 5, Lost(of, "drawn").Mean <= Lost(of, "lowest").Mean && Lost(of, "drawn").Mean >= Lost(of, "highest").Mean));

        static Interval Lost(Dictionary<string, List<double>> of, string name) => Interval.OfDifferences(of[name], of["none"]);
    }

    private static IReadOnlyList<int> Chosen(string name, IReadOnlyList<double> scores, Random random)
    {
        var heads = Enumerable.Range(0, scores.Count).ToArray();
        random.Shuffle(heads);
        return name switch
        {
            "none" => [],
            "drawn" => heads[..Silent],
            "lowest" => [.. heads.OrderBy(h => scores[h]).Take(Silent)],
            _ => [.. heads.OrderByDescending(h => scores[h]).Take(Silent)],
        };
    }
}
