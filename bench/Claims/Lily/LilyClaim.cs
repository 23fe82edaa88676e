using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Bench.Claims.Lily;

/// <summary>Lily (Zhong, Zhao and Zhou 2024, arXiv:2407.09946): factors shared between layers give updates of higher rank at LoRA's count and are not worse.</summary>
/// <remarks>A decoder of eight blocks of width 128, the four square layers of the attention: down-projections for four blocks each and two up-projections, rank 15 (31,680 numbers),
/// against LoRA of rank 4 (32,768). The effective rank is the exponential of the entropy of the normed singular values, of Lily with the mean shares of 20 batches.</remarks>
internal sealed class LilyClaim : IClaim
{
    private const int Layers = 8;
    private const int Batches = 20;

    private static readonly double[] s_rates = [3e-3, 1e-2, 3e-2];
    private static readonly TargetModules s_targets = TargetModules.Named("q_proj", "k_proj", "v_proj", "o_proj");
    private static readonly LilyOptions s_ours = new() { Rank = 15, Stride = 4, Experts = 2, TargetModules = s_targets };

    public string Method => "lily";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        using var task = new DecoderTask(settings, Layers, inner: 256);
        var (lilyRanks, loraRanks) = (new List<double[]>(), new List<double[]>());
        var lora = task.Train([new LoraOptions { Rank = 4, Alpha = 8, TargetModules = s_targets }], s_rates, after: (adapter, _) => loraRanks.Add(EffectiveRanks(adapter)));
        var ours = task.Train([s_ours], s_rates, after: (adapter, decoder) => lilyRanks.Add(Calibrated(adapter, decoder)));
        var plain = task.Train([s_ours with { Routing = LilyRouting.None }], s_rates);

        var above = ours.PercentAbove(lora);
        yield return new(
            Method,
            "a decoder of eight blocks learns a grammar that has shifted: with no more numbers than LoRA the loss of Lily is at most 1 % above LoRA's",
            $"{above.ToString("F1")} %: Lily {ours}, LoRA {lora}; before {task.LossBefore.ToString("F2")}, the language's own 1.063",
            ClaimResult.Of(above.Mean <= 1 && ours.Trained <= lora.Trained));
        var ratios = lilyRanks.Zip(loraRanks, (mine, theirs) => mine.Zip(theirs, (a, b) => a / b).ToArray()).ToList();
        var (mean, least) = (Interval.Of([.. ratios.Select(r => r.Average())]), ratios.Min(r => r.Min()));
        yield return new(
            Method,
            "there the effective rank of its updates is at least three times that of LoRA's, on the mean and at every layer",
            $"{mean.ToString("F2")} times, at the least layer {least:F2}: Lily {Mean(lilyRanks)}, LoRA {Mean(loraRanks)}",
            ClaimResult.Of(mean.Mean >= 3, least >= 3));
        var routed = ours.PercentAbove(plain);
        yield return new(
            Method,
            "there the router is not worse than equal shares, within the interval of the seeds",
            $"loss {routed.ToString("F1")} % above: equal shares {plain}",
            ClaimResult.Of(routed.Mean - routed.HalfWidth <= 0));

        static Interval Mean(List<double[]> ranks) => Interval.Of([.. ranks.Select(r => r.Average())]);
    }

    // The same numbers with the shares of some batches in place of those of the batch that is predicted, which is a LoRA.
    private static double[] Calibrated(AdapterSet adapter, ToyDecoder decoder)
    {
        using var running = decoder.New(s_ours with { Evaluation = LilyEvaluation.Running }, 0);
        var numbers = adapter.Parameters().ToDictionary(p => p.FileName, p => p.Parameter);
        using (no_grad())
        {
            foreach (var (name, parameter) in running.Parameters().Where(p => numbers.ContainsKey(p.FileName)))
            {
                parameter.copy_(numbers[name]);
            }
        }

        decoder.Pass(running, 1, Batches);
        using var lora = AdapterConversion.ToLora(running);
        return EffectiveRanks(lora);
    }

    private static double[] EffectiveRanks(AdapterSet lora)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return [.. lora.Adapters.OfType<Lora>().Select(part =>
        {
            var values = linalg.svdvals(Named(part, "lora_B").mm(Named(part, "lora_A")));
            var shares = values.div(values.sum()).clamp_min(1e-12);
            return Math.Exp(-shares.mul(shares.log()).sum().item<float>());
        })];

        static Parameter Named(nn.Module part, string name) => part.named_parameters().Single(p => p.name == name).parameter;
    }
}
