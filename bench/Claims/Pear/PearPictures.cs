using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;

namespace Bench.Claims.Pear;

/// <summary>Pear on a vision transformer of 8 blocks of width 64, trained on pictures of one kind and adapted to another with 1,000 of them.</summary>
/// <remarks>LoRA of rank 4 on query and value: 16 places of 2 kinds, of which 8 are pruned after a tenth of the epochs. All arms train as many epochs at the learning rate that was LoRA's best, and
/// Pear's best, on another seed; the arms between have Pear's. The half that matters most and the half that matters least go from the same state.</remarks>
internal static class PearPictures
{
    private const int Pretraining = 700;
    private const int Seeds = 5;
    private const int Epochs = 10;
    private const int ScoreEpoch = 1;

    private static readonly double[] s_rates = [1e-3, 3e-3, 1e-2];

    /// <summary>Runs it.</summary>
    public static IEnumerable<ClaimResult> Run(ClaimSettings settings, string method)
    {
        var lora = new LoraOptions { Rank = 4, Alpha = 8, Dropout = 0.1 };
        var pear = new PearOptions { ScoreEpoch = ScoreEpoch, Adapter = lora };
        var epochs = Math.Max(2, settings.Steps(Epochs));
        settings = settings.Effort < 1 ? settings : settings with { Seeds = Math.Max(Seeds, settings.Seeds) };
        double loraRate, pearRate;
        using (var other = New(settings, 100))
        {
            loraRate = s_rates.MaxBy(rate => other.Adapt(lora, rate, 100, epochs).Accuracy);
            pearRate = s_rates.MaxBy(rate => other.Adapt(pear, rate, 100, epochs).Accuracy);
        }

        var arms = new Dictionary<string, AdapterOptions>
        {
            ["all"] = lora,
            ["pruned"] = pear with { Checkpoint = PearCheckpoint.None, Share = PearSharing.None },
            ["shared"] = pear with { Checkpoint = PearCheckpoint.None },
            ["kept"] = pear,
        };
        var accuracies = arms.Keys.ToDictionary(name => name, _ => new List<double>());
        var counts = new Dictionary<string, long>();
        var (before, least, most) = (new List<double>(), new List<double>(), new List<double>());
        foreach (var seed in settings.SeedNumbers)
        {
            using var vit = New(settings, seed);
            before.Add(vit.Accuracy(null, seed));
            foreach (var (name, options) in arms)
            {
                var (accuracy, trained, _) = vit.Adapt(options, name == "all" ? loraRate : pearRate, seed, epochs);
                accuracies[name].Add(accuracy);
                counts[name] = trained;
            }

            using var measured = vit.New(pear with { PruneRatio = 0 }, seed);
            vit.Train(measured, pearRate, seed, epochs, 0, ScoreEpoch);
            least.Add(Without(vit, measured, 1, seed));
            most.Add(Without(vit, measured, -1, seed));
        }

        const string Setting = "a transformer of 8 blocks of width 64, of one kind of pictures, adapted to another: ";
        var whole = Interval.OfDifferences(accuracies["kept"], accuracies["all"]);
        yield return new(
            method,
            Setting + "with half of the trained numbers it is at most 0.5 points below LoRA at every place",
            $"{whole.ToString("F1")} points: Pear {Of("kept")} ({counts["kept"]:N0} numbers, rate {pearRate}), LoRA {Of("all")} ({counts["all"]:N0} numbers, rate {loraRate}; before {Interval.Of(before).ToString("F1")} %)",
            ClaimResult.Of(whole.Mean >= -0.5));
        yield return new(
            method,
            Setting + "sharing is no worse than plain pruning, and with a checkpoint no worse than without",
            $"pruned {Of("pruned")}, shared {Of("shared")}, with a frozen checkpoint {Of("kept")}",
            ClaimResult.Of(
                Interval.OfDifferences(accuracies["shared"], accuracies["pruned"]).Mean >= 0, Interval.OfDifferences(accuracies["kept"], accuracies["shared"]).Mean >= 0));
        yield return new(
            method,
            Setting + "plain pruning of the most important half after the first epochs costs at least 2 points more than of the least important",
            $"{Interval.OfDifferences(least, most).ToString("F1")} points: least important gone {Interval.Of(least).ToString("F1")} %, most important gone {Interval.Of(most).ToString("F1")} %",
            ClaimResult.Of(Interval.OfDifferences(least, most).Mean >= 2));

        string Of(string name) => $"{Interval.Of(accuracies[name]).ToString("F1")} %";

        // Half of the places of each kind lose their part, and the others train on.
        double Without(ToyVit vit, Microsoft.ML.Peft.Adapters.Core.AdapterSet measured, int sign, int seed)
        {
            var gone = ((PearOptions)measured.Options!).Importance!.GroupBy(place => place.Key[(place.Key.LastIndexOf('.') + 1)..])
                .SelectMany(kind => kind.OrderBy(place => sign * place.Value).Take(kind.Count() / 2)).ToDictionary(place => place.Key, _ => "");
            using var adapter = vit.Again(
                measured, options => (PearOptions)options with { Checkpoint = PearCheckpoint.None, Share = PearSharing.None, Donors = gone }, seed);
            vit.Train(adapter, pearRate, seed, epochs, ScoreEpoch);
            return vit.Accuracy(adapter, seed);
        }
    }

    private static ToyVit New(ClaimSettings settings, int seed) => new(8, 4, seed, settings.Steps(Pretraining), bothKinds: false);
}
