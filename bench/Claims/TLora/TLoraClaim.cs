using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Bench.Claims.TLora;

/// <summary>TLoRA (Tao et al. 2025, arXiv:2501.08727): a transform with a small residual comes nearer than LoRA with no fewer numbers where the wanted update is of no low rank.</summary>
/// <remarks>The paper adapts diffusion models. Here weights are fitted: one that is a transform by construction; updates that fine-tuning of models/bert-docs on debian-sections makes
/// (every layer but embeddings and norms, keys by a LoRA), which nobody constructed; and an update of rank 1 as the control. LoRA's side of the second part is no training run but the best matrix of its rank.</remarks>
internal sealed class TLoraClaim : IClaim
{
    private const int Size = 64;
    private const int Steps = 1000;
    private const int LayerSteps = 500;
    private const int Epochs = 2;

    private static readonly double[] s_rates = [1e-3, 3e-3, 1e-2, 3e-2];
    private static readonly double[] s_layerRates = [3e-3, 1e-2];

    public string Method => "tlora";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        var small = new TLoraOptions { TransformRank = 1, Rank = 1, Residual = TLoraResidual.Tr };
        var lora = new LoraOptions { Rank = 1, Alpha = 1 };
        var (ours, theirs) = (Errors(settings, small, Transformed), Errors(settings, lora, Transformed));
        var (a, b) = (Interval.Of(ours), Interval.Of(theirs));
        yield return new(
            Method,
            "a weight (64 × 64) times a Kronecker product of three, with 5 % of noise of rank 1: TLoRA of 72 numbers leaves at most 0.3 times the error of LoRA of 128",
            string.Create(CultureInfo.InvariantCulture, $"{a.ToString("F3")} and {b.ToString("F3")} of the distance: {a.Mean / b.Mean:F2} times"),
            ClaimResult.Of(a.Mean <= 0.3 * b.Mean));

        var (oursOnRank1, theirsOnRank1) = (Interval.Of(Errors(settings, small, OfRank1)), Interval.Of(Errors(settings, lora, OfRank1)));
        yield return new(
            Method,
            "control: where the update has rank 1, TLoRA is not better than LoRA",
            $"TLoRA {oursOnRank1.ToString("F3")}, LoRA {theirsOnRank1.ToString("F3")} of the distance",
            ClaimResult.Of(oursOnRank1.Mean >= theirsOnRank1.Mean));

        yield return FineTuned(settings);
    }

    private static double[] Errors(ClaimSettings settings, AdapterOptions options, Func<Tensor, Tensor> target)
    {
        var rate = s_rates.MinBy(r => Error(r, 100));
        return [.. settings.SeedNumbers.Select(seed => Error(rate, seed))];

        double Error(double rate, int seed)
        {
            using var scope = NewDisposeScope();
            random.manual_seed(seed);
            var weight = RandomMatrices.Dense(Size, Size);
            return Fit(options, weight, target(weight), settings.Steps(Steps), rate, seed);
        }
    }

    // ‖W' − W*‖/‖W − W*‖ after Adam on the squared distance.
    private static double Fit(AdapterOptions options, Tensor weight, Tensor wanted, int steps, double rate, int seed)
    {
        using var scope = NewDisposeScope();
        using var fit = new LayerFit(options, [new("layer", weight)], seed);
        var (all, scale) = (eye(weight.size(1)), (weight - wanted).square().mean().item<float>());
        fit.Train(_ => (fit.Layers[0].call(all).t() - wanted).square().mean().div(scale), steps, rate);
        using var _ = no_grad();
        return Math.Sqrt(RandomMatrices.RelativeError(fit.Layers[0].call(all).t(), wanted, wanted - weight));
    }

    private static Tensor Transformed(Tensor weight)
    {
        Tensor Factor() => eye(4) + randn(4, 4).mul(0.2);
        var transformed = weight.mm(kron(kron(Factor(), Factor()), Factor()));
        return transformed + Outer(0.05 * (transformed - weight).norm().item<float>());
    }

    private static Tensor OfRank1(Tensor weight) => weight + Outer(weight.norm().item<float>() / 2);

    // Rank 1, of a norm.
    private static Tensor Outer(double norm)
    {
        var product = outer(randn(Size), randn(Size));
        return product * (norm / product.norm().item<float>());
    }

    private ClaimResult FineTuned(ClaimSettings settings)
    {
        var differences = new List<double>();
        var (ours, theirs, count) = (new List<double>(), new List<double>(), 0);
        foreach (var (weight, wanted, seed) in Updates(settings))
        {
            using var scope = NewDisposeScope();
            random.manual_seed(seed);
            var options = new TLoraOptions { TransformRank = 2, Rank = 1, RingInitJitter = 1e-3, Alpha = 1 };
            using var counted = new LayerFit(options, [new("layer", weight)], seed);
            var rank = counted.TrainableCount / (double)(weight.size(0) + weight.size(1)); // of LoRA with as many numbers
            var values = linalg.svdvals(wanted - weight).square();
            var all = values.sum().item<float>();
            double Left(long r) => Math.Sqrt(Math.Max(0, 1 - (values.narrow(0, 0, r).sum().item<float>() / all)));
            var (low, share) = ((long)rank, rank - Math.Floor(rank));
            theirs.Add(((1 - share) * Left(low)) + (share * Left(low + 1)));
            ours.Add(s_layerRates.Min(rate => Fit(options, weight, wanted, settings.Steps(LayerSteps), rate, seed)));
            differences.Add(ours[^1] - theirs[^1]);
            count++;
        }

        var difference = Interval.Of(differences);
        return new(
            Method,
            "updates of the layers of bert-docs by fine-tuning on debian-sections: a ring of rank 2 and a residual of rank 1 leave less of them than the best LoRA of as many numbers",
            $"{Interval.Of(ours).ToString("F3")} and {Interval.Of(theirs).ToString("F3")} of the distance over {count} layers of {settings.Seeds} runs, difference {difference.ToString("F3")}; LoRA between two ranks",
            ClaimResult.Of(difference.Mean < 0));
    }

    // Layers of the first and the last block before and after fine-tuning of all but the embeddings; the keys, which a method is needed for, learn a LoRA.
    private static IEnumerable<(Tensor Weight, Tensor Wanted, int Seed)> Updates(ClaimSettings settings)
    {
        var options = new LoraOptions { Rank = 8, TargetModules = TargetModules.Named("key"), ModulesToSave = ["query", "value", "output.dense", "intermediate.dense"] };
        var task = new TextTask(settings);
        foreach (var seed in settings.SeedNumbers)
        {
            var found = new List<(Tensor, Tensor, int)>();
            task.Run(options, 2e-4, seed, Epochs, after: model =>
            {
                foreach (var copy in model.Adapter.Adapters.OfType<TrainedCopy>().Where(c => IsChosen(c.Path)))
                {
                    found.Add((Kept(copy.Layer.Weight.Dense()), Kept(copy.parameters().First()), seed));
                }
            });
            foreach (var pair in found)
            {
                yield return pair;
                pair.Item1.Dispose();
                pair.Item2.Dispose();
            }
        }

        static bool IsChosen(string path)
            => new[] { "layer.0.attention.self.query", "layer.0.attention.self.value", "layer.3.attention.self.query", "layer.3.attention.self.value", "layer.3.intermediate.dense" }
                .Any(end => path.EndsWith(end, StringComparison.Ordinal));

        static Tensor Kept(Tensor tensor) => tensor.detach().to(ScalarType.Float32).clone().DetachFromDisposeScope();
    }
}
