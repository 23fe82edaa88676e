using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Bench.Claims.MixtureOfShards;

/// <summary>MoS (Wang et al. 2025, arXiv:2410.00938): shards of shared pools do what a LoRA of several times the numbers does, and better than one of as many.</summary>
/// <remarks>debian-sections on models/bert-docs, 1,000 rows, query and value, where the specification has a decoder of its own. The model has four layers, so that rank 8 with a
/// private rank of 1 does not exist for a budget of 2; it is 4 here. Pure sharing gives every layer the same 8 ranks: as many numbers, no differences. No dropout on any side.</remarks>
internal sealed class MixtureOfShardsClaim : IClaim
{
    private const int Rows = 1000;
    private const int Epochs = 5;
    private const int Budget = 2;

    // On the layers that LoRA has by default, or the numbers would not be equal.
    private static readonly MixtureOfShardsOptions s_ours = new()
    {
        EquivalentRank = Budget,
        Rank = 4,
        PrivateRank = 1,
        Shards = 4,
        Dropout = 0,
        TargetModules = TargetModules.Named("query", "value"),
    };

    public string Method => "mos";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        var task = new TextTask(settings, Rows);
        var ours = TextArm.Train(task, settings, s_ours, TextArm.UsualRates, Epochs);
        var equal = TextArm.Train(task, settings, new LoraOptions { Rank = Budget, Alpha = 2 * Budget }, TextArm.UsualRates, Epochs);
        var large = TextArm.Train(task, settings, new LoraOptions { Rank = 4 * Budget, Alpha = 8 * Budget }, TextArm.UsualRates, Epochs);
        var shared = TextArm.Train(
            task, settings, s_ours with { Rank = 4 * Budget, PrivateRank = 0, Shards = 1 }, TextArm.UsualRates, Epochs, before: ShareAll);

        var above = ours.Above(equal);
        var better = ours.Accuracies.Zip(equal.Accuracies).Count(pair => pair.First > pair.Second);
        yield return new(
            Method,
            "debian-sections with 1,000 rows (in place of a decoder of its own; four layers allow rank 4, not 8): with as many numbers as LoRA of rank 2 MoS is better on the mean and in at least two thirds of the seeds",
            $"{above.ToString("F1")} points, better in {better} of {ours.Runs.Count}: MoS {ours}, LoRA {equal}; loss on test rows {ours.HeldLoss} and {equal.HeldLoss}",
            ClaimResult.Of(above.Mean >= 0, 3 * better >= 2 * ours.Runs.Count));
        var saving = (double)large.Trained / ours.Trained;
        yield return new(
            Method,
            "there LoRA of rank 8, with four times the numbers, is within 2 points of MoS",
            string.Create(CultureInfo.InvariantCulture, $"a saving of {saving:F1} times at {large.Above(ours).ToString("F1")} points: LoRA {large}"),
            ClaimResult.Of(Math.Abs(large.Above(ours).Mean) <= 2, saving >= 4));
        yield return new(
            Method,
            "there pure sharing, the same factors in every layer, is worse than MoS",
            $"{shared.Above(ours).ToString("F1")} points: pure sharing {shared}",
            ClaimResult.Of(shared.Above(ours).Mean < 0, shared.Trained == ours.Trained));
    }

    // Every layer takes the rows of the pools in their order.
    private static void ShareAll(TextClassifier model)
    {
        using var _ = no_grad();
        foreach (var (name, parameter) in model.Adapter.Adapters.OfType<Microsoft.ML.Peft.Adapters.MixtureOfShards>().SelectMany(part => part.named_parameters()))
        {
            if (name.StartsWith("mos_indices", StringComparison.Ordinal))
            {
                parameter.copy_(arange(parameter.size(0), ScalarType.Int64, parameter.device));
            }
        }
    }
}
