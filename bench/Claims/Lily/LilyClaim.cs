using Bench.Claims.Core;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Bench.Claims.Lily;

/// <summary>Lily (Zhong, Zhao and Zhou 2024, arXiv:2407.09946): factors shared between layers give updates of higher rank at LoRA's count and are not worse.</summary>
/// <remarks>debian-sections on models/bert-docs, 1,000 rows, query and value, where the specification has a transformer of eight layers. With four layers, which all share one
/// down-projection, as many numbers as LoRA of rank 4 give Lily the rank 10, two and a half times LoRA's, so that three times the effective rank cannot be had. The effective rank is
/// the exponential of the entropy of the normed singular values; the shares of the up-projections in it are equal ones.</remarks>
internal sealed class LilyClaim : IClaim
{
    private const int Rows = 1000;
    private const int Epochs = 5;

    private static readonly double[] s_rates = [3e-3, 1e-2, 3e-2];

    public string Method => "lily";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        var task = new TextTask(settings, Rows);
        var (loraRanks, lilyRanks) = (new List<double>(), new List<double>());
        var options = new LilyOptions { Rank = 10, Stride = 4, Experts = 2 };
        var lora = TextArm.Train(task, settings, new LoraOptions { Rank = 4, Alpha = 8 }, TextArm.UsualRates, Epochs, after: m => loraRanks.Add(EffectiveRank(m)));
        var ours = TextArm.Train(task, settings, options, s_rates, Epochs, after: m => lilyRanks.Add(EffectiveRank(m)));
        var plain = TextArm.Train(task, settings, options with { Routing = LilyRouting.None }, s_rates, Epochs);

        var above = ours.Above(lora);
        yield return new(
            Method,
            "debian-sections with 1,000 rows (four layers in place of eight): with at most LoRA's numbers Lily is at most 1 point below it",
            $"{above.ToString("F1")} points: Lily {ours}, LoRA {lora}; loss on test rows {ours.HeldLoss} and {lora.HeldLoss}",
            ClaimResult.Of(above.Mean >= -1, ours.Trained <= lora.Trained));
        var ratio = Interval.Of([.. lilyRanks.Zip(loraRanks, (a, b) => a / b)]);
        yield return new(
            Method,
            "there the effective rank of its updates is at least twice LoRA's, of two and a half times that four layers allow (in place of three times)",
            $"{ratio.ToString("F2")} times: Lily {Interval.Of(lilyRanks)}, LoRA {Interval.Of(loraRanks)}",
            ClaimResult.Of(ratio.Mean >= 2));
        var routed = ours.Above(plain);
        yield return new(
            Method,
            "there the router is not worse than equal shares, within the interval of the seeds",
            $"{routed.ToString("F1")} points: equal shares {plain}",
            ClaimResult.Of(routed.Mean + routed.HalfWidth >= 0));
    }

    private static double EffectiveRank(TextClassifier model)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return model.Adapter.Adapters.Select(part => part switch
        {
            Microsoft.ML.Peft.Adapters.Lily => Product(Named(part, "lily_B").view(2, -1, Named(part, "lily_B").size(1)).mean([0L]).t(), Named(part, "lily_A")),
            Lora => Product(Named(part, "lora_B"), Named(part, "lora_A")),
            _ => double.NaN,
        }).Where(double.IsFinite).Average();

        static double Product(Tensor left, Tensor right)
        {
            var values = linalg.svdvals(left.mm(right).cpu());
            var shares = values.div(values.sum()).clamp_min(1e-12);
            return Math.Exp(-shares.mul(shares.log()).sum().item<float>());
        }

        static Parameter Named(nn.Module part, string name) => part.named_parameters().Single(p => p.name == name).parameter;
    }
}
