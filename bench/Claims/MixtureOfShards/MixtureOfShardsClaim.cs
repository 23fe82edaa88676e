using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Bench.Claims.MixtureOfShards;

/// <summary>MoS (Wang et al. 2025, arXiv:2410.00938): shards of shared pools do what a LoRA of several times the numbers does, and better than one of as many.</summary>
/// <remarks>A decoder of width 128, every linear layer of its blocks, budget 2, rank 8, private rank 1, 4 shards. Seven blocks, not six: rank 8 with a private rank of 1 needs seven
/// public ranks, and a budget of 2 has one a block. Pure sharing gives every layer the same 14 ranks of the pools, which is all there are of them: as many numbers, no differences. No dropout
/// on any side.</remarks>
internal sealed class MixtureOfShardsClaim : IClaim
{
    private const int Layers = 7;
    private const int Budget = 2;

    private static readonly double[] s_rates = [3e-3, 1e-2, 3e-2];

    private static readonly MixtureOfShardsOptions s_ours = new() { EquivalentRank = Budget, Rank = 8, PrivateRank = 1, Shards = 4, Dropout = 0, TargetModules = TargetModules.AllLinear };

    public string Method => "mos";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        using var task = new DecoderTask(settings, Layers, inner: 256);
        var ours = task.Train([s_ours], s_rates);
        var equal = task.Train([Lora(Budget)], s_rates);
        var large = task.Train([Lora(4 * Budget)], s_rates);
        var shared = task.Train([s_ours with { Rank = Layers * Budget, PrivateRank = 0, Shards = 1 }], s_rates, before: ShareAll);
        var sharedAbove = shared.PercentAbove(ours);
        var better = ours.Losses.Zip(equal.Losses).Count(pair => pair.First < pair.Second);
        yield return new(
            Method,
            "a decoder of seven blocks (six do not allow the rank 8) learns a grammar that has shifted: with as many numbers as LoRA of rank 2 the loss of MoS is not above LoRA's on the mean and lower in at least two thirds of the seeds",
            $"{ours.PercentAbove(equal).ToString("F1")} %, lower in {better} of {ours.Runs.Count}: MoS {ours}, LoRA {equal}; before {task.LossBefore.ToString("F2")}, the language's own 1.063",
            ClaimResult.Of(ours.Loss.Mean <= equal.Loss.Mean, 3 * better >= 2 * ours.Runs.Count));
        var saving = (double)large.Trained / ours.Trained;
        yield return new(
            Method,
            "there LoRA of rank 8, with four times the numbers, is within 2 % of the loss of MoS",
            string.Create(CultureInfo.InvariantCulture, $"{large.PercentAbove(ours).ToString("F1")} % with {saving:F1} times the numbers: LoRA {large}"),
            ClaimResult.Of(Math.Abs(large.PercentAbove(ours).Mean) <= 2 && saving >= 4));
        yield return new(
            Method,
            "there pure sharing, the same factors in every layer, is worse than MoS, by more than the interval of the seeds",
            $"loss {sharedAbove.ToString("F1")} % above: pure sharing {shared}",
            ClaimResult.Of(sharedAbove.Mean > sharedAbove.HalfWidth && shared.Trained == ours.Trained));

        var paired = task.Train([s_ours], s_rates, before: Pair);
        var open = task.Train([s_ours with { Rank = 7, PrivateRank = 0 }], s_rates);
        var whole = task.Train([s_ours with { Shards = 1 }], s_rates);
        yield return new(
            Method,
            "there MoS is worse without different draws for A and B, without private ranks (rank 7), and without shards, each (in the paper the first two cost more than a point and the last little)",
            $"losses {paired.PercentAbove(ours).ToString("F1")}, {open.PercentAbove(ours).ToString("F1")} and {whole.PercentAbove(ours).ToString("F1")} % above",
            ClaimResult.Of(paired.Loss.Mean > ours.Loss.Mean, open.Loss.Mean > ours.Loss.Mean, whole.Loss.Mean > ours.Loss.Mean));

        static LoraOptions Lora(int rank) => new() { Rank = rank, Alpha = 2 * rank, TargetModules = TargetModules.AllLinear };
    }

    // Every layer takes the rows of the pools in their order.
    private static void ShareAll(AdapterSet adapter)
    {
        foreach (var part in Layer(adapter))
        {
            Set(part, "mos_indices_A", arange(Layers * Budget, ScalarType.Int64));
            Set(part, "mos_indices_B", arange(Layers * Budget, ScalarType.Int64));
        }
    }

    // B takes the shards of A.
    private static void Pair(AdapterSet adapter)
    {
        foreach (var part in Layer(adapter))
        {
            Set(part, "mos_indices_B", part.named_parameters().Single(p => p.name == "mos_indices_A").parameter);
        }
    }

    private static IEnumerable<Adapter> Layer(AdapterSet adapter) => adapter.Adapters.OfType<Microsoft.ML.Peft.Adapters.MixtureOfShards>();

    private static void Set(Adapter part, string name, Tensor indices)
    {
        using var _ = no_grad();
        part.named_parameters().Single(p => p.name == name).parameter.copy_(indices);
    }
}
