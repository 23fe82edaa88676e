using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Bench.Claims.RandLora;

/// <summary>RandLoRA (Albert et al. 2025, arXiv:2502.00987): at LoRA's count of numbers its update is of full rank and comes nearer to a change that is not of low rank.</summary>
/// <remarks>First the update that is nearest to a random orthogonal matrix and, as a control, to one of rank 1; LoRA gets the next higher rank where the counts cannot be equal.
/// Then a vision transformer of width 64, trained on one kind of pictures and adapted to another, every linear layer: RandLoRA of rank 4 (6,528 numbers a block) and LoRA of rank 8
/// (7,168; rank 7 would have fewer).</remarks>
internal sealed class RandLoraClaim : IClaim
{
    private const int Rank = 4;

    private static readonly double[] s_rates = [5e-3, 2e-2, 5e-2];

    public string Method => "randlora";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        var steps = settings.Steps(2500);
        var (small, large) = (Both(16, flat: true), Both(24, flat: true));
        yield return new(
            Method,
            "of a random orthogonal matrix RandLoRA leaves at most 0.85 times what LoRA leaves (relative squared error), which can be no less than 1 − rank/width",
            string.Create(CultureInfo.InvariantCulture, $"width 16: {Words(small)}; width 24: {Words(large)}"),
            ClaimResult.Of(small.Ours.Average() <= 0.85 * small.Lora.Average(), large.Ours.Average() <= 0.85 * large.Lora.Average()));

        var control = Both(16, flat: false);
        yield return new(
            Method,
            "of a matrix of rank 1 LoRA leaves less",
            $"width 16: {Words(control)}",
            ClaimResult.Of(control.Lora.Average() < control.Ours.Average()));

        using var task = new VitTask(settings, 4, inner: 128);
        var lora = task.Train(new LoraOptions { Rank = 8, Alpha = 16, TargetModules = TargetModules.AllLinear }, [3e-4, 1e-3, 3e-3, 1e-2]);
        var ours = task.Train(new RandLoraOptions { Rank = Rank, Alpha = 20 * Rank, TargetModules = TargetModules.AllLinear }, [3e-4, 1e-3, 3e-3, 1e-2]);
        var above = ours.Above(lora);
        yield return new(
            Method,
            "a transformer of one kind of pictures learns the 36 classes of another kind: with no more numbers the training loss of RandLoRA ends below LoRA's and its accuracy is at most 0.5 points below",
            $"training loss {ours.Loss.ToString("F3")} and {lora.Loss.ToString("F3")}; {above.ToString("F1")} points: RandLoRA {ours}, LoRA {lora}, before {task.Before.ToString("F1")} %",
            ClaimResult.Of(ours.Loss.Mean < lora.Loss.Mean, above.Mean >= -0.5 && ours.Trained <= lora.Trained));

        (int LoraRank, double[] Ours, double[] Lora) Both(int width, bool flat)
        {
            var bases = (width + Rank - 1) / Rank;
            var rank = (int)Math.Ceiling((double)bases * (Rank + width) / (2 * width));
            return (rank, Residuals(new RandLoraOptions { Rank = Rank, Alpha = Rank }), Residuals(new LoraOptions { Rank = rank, Alpha = rank }));

            double[] Residuals(AdapterOptions options)
            {
                var rate = s_rates.MinBy(r => Residual(options, width, flat, steps, r, 100));
                return [.. settings.SeedNumbers.Select(seed => Residual(options, width, flat, steps, rate, seed))];
            }
        }

        static string Words((int LoraRank, double[] Ours, double[] Lora) sides)
            => $"RandLoRA {Interval.Of(sides.Ours)}, LoRA of rank {sides.LoraRank} {Interval.Of(sides.Lora)}";
    }

    private static double Residual(AdapterOptions options, int width, bool flat, int steps, double rate, int seed)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(seed);
        var target = flat ? RandomMatrices.Orthogonal(width) : RandomMatrices.WithSingularValues(width, [Math.Sqrt(width)]); // equally long
        var inputs = eye(width);
        using var fit = new LayerFit(options, [new("layer", zeros(width, width))], seed); // the update alone
        fit.Train(_ => (fit.Layers[0].call(inputs).t() - target).square().sum(), steps, rate);
        using var _ = no_grad();
        return RandomMatrices.RelativeError(fit.Layers[0].call(inputs).t(), target, target);
    }
}
