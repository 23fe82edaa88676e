using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;

namespace Bench.Claims.Pear;

/// <summary>Pear (Zhong and Zhou 2024, arXiv:2409.19733): half of the adapters do as well as all, sharing helps plain pruning, a checkpoint of what was pruned helps more, and it matters which half goes.</summary>
/// <remarks>LoRA of rank 4 on query and value of models/bert-docs, 800 rows of debian-sections, in place of vision models: 8 places of 2 kinds, of which 4 are pruned. All arms train as many epochs; the
/// arms that prune do so after 2 of them. Learning rates are chosen for LoRA and for the whole of Pear; the arms between have Pear's. Which half goes is compared by training with the one or the
/// other half from the start, by the importance that a run has measured.</remarks>
internal sealed class PearClaim : IClaim
{
    private const int Rows = 800;
    private const int Epochs = 5;
    private const int ScoreEpoch = 2;

    private static readonly LoraOptions s_lora = new() { Rank = 4, Alpha = 8, Dropout = 0.1 };

    public string Method => "pear";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        foreach (var result in PearPictures.Run(settings, Method))
        {
            yield return result;
        }

        var task = new TextTask(settings, Rows);
        var short_ = settings.Steps(2 * Epochs / 3) <= ScoreEpoch; // only to see whether it runs
        var pear = new PearOptions { ScoreEpoch = short_ ? 1 : ScoreEpoch, Restart = short_, Adapter = s_lora };
        var full = TextArm.Train(task, settings, s_lora, TextArm.UsualRates, Epochs);
        var importance = new Queue<IReadOnlyDictionary<string, double>>();
        var whole = TextArm.Train(task, settings, pear, TextArm.UsualRates, Epochs, after: model => importance.Enqueue(((PearOptions)model.Settings.Adapter!).Importance!));
        var shared = Arm(pear with { Checkpoint = PearCheckpoint.None });
        var pruned = Arm(pear with { Checkpoint = PearCheckpoint.None, Share = PearSharing.None });
        yield return new(
            Method,
            "with half of the trained numbers it is at most 0.5 points below LoRA at every place",
            $"{whole.Above(full).ToString("F1")} points: Pear {whole}, LoRA {full}",
            ClaimResult.Of(whole.Above(full).Mean >= -0.5));
        yield return new(
            Method,
            "sharing is no worse than plain pruning, and with a checkpoint no worse than without",
            $"pruned {pruned}, shared {shared}, with a frozen checkpoint {whole}",
            ClaimResult.Of(shared.Above(pruned).Mean >= 0, whole.Above(shared).Mean >= 0));

        var (least, most) = (new List<double>(), new List<double>());
        foreach (var (seed, of) in settings.SeedNumbers.Zip(importance))
        {
            least.Add(Without(seed, of, 1));
            most.Add(Without(seed, of, -1));
        }

        yield return new(
            Method,
            "plain pruning of the most important half costs at least 2 points more than of the least important",
            $"{Interval.OfDifferences(least, most).ToString("F1")} points: least important gone {Interval.Of(least).ToString("F1")} %, most important gone {Interval.Of(most).ToString("F1")} %",
            ClaimResult.Of(Interval.OfDifferences(least, most).Mean >= 2));

        TextArm Arm(PearOptions options) => TextArm.Train(task, settings, options, [whole.Rate], Epochs);

        // Half of the places of each kind have no part from the start.
        double Without(int seed, IReadOnlyDictionary<string, double> of, int sign)
        {
            var gone = of.GroupBy(place => place.Key[(place.Key.LastIndexOf('.') + 1)..]).SelectMany(kind => kind.OrderBy(place => sign * place.Value).Take(kind.Count() / 2));
            var options = pear with { Checkpoint = PearCheckpoint.None, Share = PearSharing.None, Donors = gone.ToDictionary(place => place.Key, _ => "") };
            return 100 * task.Run(options, whole.Rate, seed, Epochs).Accuracy;
        }
    }
}
