using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Bench.Claims.LoLdu;

/// <summary>LoLDU (Shi et al. 2024, arXiv:2410.13618): the trained diagonal of a frozen LDU factorisation does about what LoRA does with far fewer numbers, and the start from
/// the pivots is better than a random one.</summary>
/// <remarks>First a 64 × 64 weight whose pivots are moved by up to half, learnt from 512 rows. Then a vision transformer of width 64, trained on one kind of pictures and adapted to
/// another with low contrast and much noise: every linear layer, LoRA of rank 4 and LoLDU of full rank with α = r. The random start is the authors' own, which changes the model.</remarks>
internal sealed class LoLduClaim : IClaim
{
    private const int Width = 64;

    private static readonly double[] s_rates = [3e-3, 1e-2, 3e-2];

    public string Method => "loldu";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings) => [Recovery(settings), .. Pictures(settings)];

    private ClaimResult Recovery(ClaimSettings settings)
    {
        var steps = settings.Steps(1000);
        var (ours, lora) = (new LoLduOptions { Rank = Width, Alpha = Width }, new LoraOptions { Rank = 1, Alpha = 1 });
        var (mine, theirs) = (Errors(ours), Errors(lora));
        return new(
            Method,
            "a weight whose pivots were moved is found by 64 trained numbers to a relative squared error of the shift below 1e-3, and LoRA of rank 1 with 128 stays above five times that",
            $"LoLDU {Interval.Of(mine).ToString("G2")}, LoRA {Interval.Of(theirs).ToString("G2")}",
            ClaimResult.Of(mine.Average() < 1e-3, theirs.Average() > 5 * mine.Average()));

        double[] Errors(AdapterOptions options)
        {
            var rate = s_rates.MinBy(r => Error(options, r, 100));
            return [.. settings.SeedNumbers.Select(seed => Error(options, rate, seed))];
        }

        double Error(AdapterOptions options, double rate, int seed)
        {
            using var scope = NewDisposeScope();
            random.manual_seed(seed);
            var weight = RandomMatrices.Dense(Width, Width);
            var (p, l, u) = linalg.lu(weight);
            var target = p.mm(l).mm(u.mul(1 + rand(Width, 1).sub(0.5))); // a row of U moves as its pivot does
            var x = randn(512, Width);
            var y = nn.functional.linear(x, target);
            using var fit = new LayerFit(options, [new("layer", weight)], seed);
            fit.Train(_ => (fit.Layers[0].call(x) - y).square().mean(), steps, rate);
            using var _ = no_grad();
            return RandomMatrices.RelativeError(fit.Layers[0].call(eye(Width)).t(), target, weight - target);
        }
    }

    private IEnumerable<ClaimResult> Pictures(ClaimSettings settings)
    {
        using var task = new VitTask(settings, 4, inner: 256);
        var pivots = new LoLduOptions { Rank = 64, Alpha = 64, TargetModules = TargetModules.AllLinear };
        double[] rates = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2];
        var head = task.Train(null, rates);
        var lora = task.Train(new LoraOptions { Rank = 4, Alpha = 8, TargetModules = TargetModules.AllLinear }, [1e-3, 3e-3, 1e-2]);
        var ours = task.Train(pivots, rates);
        var drawn = task.Train(pivots with { Start = LoLduStart.SNormal, ResidualFromPivots = true }, rates);
        var share = (ours.Accuracy.Mean - head.Accuracy.Mean) / (lora.Accuracy.Mean - head.Accuracy.Mean);
        yield return new(
            Method,
            "a transformer of one kind of pictures learns another kind: with at most a tenth of LoRA's numbers LoLDU reaches 85 % of what LoRA gains over the trained classifier alone",
            string.Create(CultureInfo.InvariantCulture, $"{share:P0} of the gain with a {(double)lora.Trained / ours.Trained:F1}th of the numbers: classifier {head.Accuracy.ToString("F1")} %, LoRA {lora}, LoLDU {ours}"),
            ClaimResult.Of(share >= 0.85 && 10 * ours.Trained <= lora.Trained));
        yield return new(
            Method,
            "there the start from the pivots is at least 2 points better than one from normal numbers",
            $"{ours.Above(drawn).ToString("F1")} points: pivots {ours.Accuracy.ToString("F1")} %, normal numbers {drawn.Accuracy.ToString("F1")} %",
            ClaimResult.Of(ours.Above(drawn).Mean >= 2));
    }
}
