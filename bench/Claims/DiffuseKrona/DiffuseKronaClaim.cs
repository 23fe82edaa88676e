using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Bench.Claims.DiffuseKrona;

/// <summary>DiffuseKronA (Marjit et al. 2025, arXiv:2402.17412): a Kronecker product says more with as many numbers as a product of low rank, and depends less on the learning rate.</summary>
/// <remarks>First the update that is nearest to a random orthogonal matrix, both sides with 128 numbers. Then a small denoiser, pre-trained on nine kinds of shapes, learns a tenth
/// from 12 pictures on the projections of its attention, as DreamBooth does without pictures of the old kinds: LoRA of rank 4 (768 numbers a layer) and DiffuseKronA of 6 × 3 (530).
/// The rate of the best case is chosen on held-back pictures.</remarks>
internal sealed class DiffuseKronaClaim : IClaim
{
    private const int Size = 64;
    private const int Shots = 12;
    private const int HeldRows = 64;
    private const int HeldDraws = 4;

    private static readonly double[] s_fitRates = [3e-3, 1e-2, 3e-2];
    private static readonly double[] s_rates = [1e-4, 5e-4, 1e-3, 5e-3, 1e-2];

    public string Method => "diffusekrona";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings) => [Orthogonal(settings), .. Personalised(settings)];

    private ClaimResult Orthogonal(ClaimSettings settings)
    {
        var steps = settings.Steps(1500);
        var (krona, lora) = (Fits(new DiffuseKronaOptions { A1 = 8, A2 = 8 }), Fits(new LoraOptions { Rank = 1, Alpha = 1 }));
        var best = settings.SeedNumbers.Select(seed =>
        {
            // The best Kronecker term is the first singular one of the blocks as rows.
            using var scope = NewDisposeScope();
            var blocks = Target(seed).view(8, 8, 8, 8).transpose(1, 2).reshape(Size, Size);
            var values = linalg.svdvals(blocks).square();
            return (values[0] / values.sum()).item<float>() * 100.0;
        }).ToList();
        return new(
            Method,
            "of a random orthogonal 64 × 64 matrix a Kronecker product of 128 numbers catches at least 2.5 times the energy of LoRA with 128 numbers, whose best is 1/64 = 1.6 %",
            $"trained: DiffuseKronA {krona.ToString("F2")} %, LoRA {lora.ToString("F2")} %; the best Kronecker product catches {Interval.Of(best).ToString("F2")} %",
            ClaimResult.Of(krona.Mean >= 2.5 * lora.Mean));

        Interval Fits(AdapterOptions options)
        {
            var rate = s_fitRates.MaxBy(r => Caught(options, steps, r, 100));
            return Interval.Of([.. settings.SeedNumbers.Select(seed => Caught(options, steps, rate, seed))]);
        }
    }

    private static Tensor Target(int seed)
    {
        random.manual_seed(seed);
        return RandomMatrices.Orthogonal(Size);
    }

    private static double Caught(AdapterOptions options, int steps, double rate, int seed)
    {
        using var scope = NewDisposeScope();
        var (target, inputs) = (Target(seed), eye(Size));
        using var fit = new LayerFit(options, [new("layer", zeros(Size, Size))], seed); // the update alone
        fit.Train(_ => (fit.Layers[0].call(inputs).t() - target).square().sum(), steps, rate);
        using var _ = no_grad();
        return 100 * (1 - RandomMatrices.RelativeError(fit.Layers[0].call(inputs).t(), target, target));
    }

    private IEnumerable<ClaimResult> Personalised(ClaimSettings settings)
    {
        using var scope = NewDisposeScope();
        var denoiser = PreTrained(settings.Steps(1500));
        var steps = settings.Steps(200);
        var krona = Arm(new DiffuseKronaOptions { A1 = 6, A2 = 3 });
        var lora = Arm(new LoraOptions { Rank = 4, Alpha = 4 });
        var (before, old) = (Loss(denoiser, null, 1, subject: true), Loss(denoiser, null, 1, subject: false));

        yield return new(
            Method,
            "a denoiser of 16 × 16 shapes learns a new kind from 12 pictures: at its best learning rate DiffuseKronA, with 530 numbers a layer, is at most 3 % above the loss of LoRA with 768 on new pictures of it",
            string.Create(CultureInfo.InvariantCulture, $"loss, {before:F4} before: DiffuseKronA {krona.Best} at {krona.Rate}, LoRA {lora.Best} at {lora.Rate}; on the old kinds, {old:F4} before: {krona.Prior} and {lora.Prior}"),
            ClaimResult.Of(krona.Best.Mean <= 1.03 * lora.Best.Mean));
        var spreads = krona.Spreads.Zip(lora.Spreads, (ours, theirs) => ours / theirs).ToList();
        yield return new(
            Method,
            "over the learning rates 1e-4 to 1e-2 the loss spreads (standard deviation) at least 30 % less than LoRA's",
            $"{Interval.Of(spreads)} times LoRA's; losses by rate: DiffuseKronA {krona.ByRate}, LoRA {lora.ByRate}",
            ClaimResult.Of(spreads.Average() <= 0.7));

        Outcome Arm(AdapterOptions options)
        {
            var chosen = s_rates.MinBy(rate => Fit(options, rate, 100).Subject);
            var runs = settings.SeedNumbers.Select(seed => s_rates.ToDictionary(rate => rate, rate => Fit(options, rate, seed, prior: rate == chosen))).ToList();
            return new(chosen, runs);
        }

        (double Subject, double Prior) Fit(AdapterOptions options, double rate, int seed, bool prior = false)
        {
            using var inner = NewDisposeScope();
            random.manual_seed(seed);
            var kinds = full([Shots], Shapes.Subject, ScalarType.Int64);
            var pictures = Shapes.Draw(kinds);
            using var fit = new LayerFit(options, denoiser.Projections(), seed);
            fit.Train(_ => denoiser.Loss(pictures, kinds, fit.Layers), steps, rate, falls: false);
            return (Loss(denoiser, fit.Layers, seed, subject: true), prior ? Loss(denoiser, fit.Layers, seed, subject: false) : double.NaN);
        }
    }

    /// <summary>The loss on pictures that no run has seen, the same for every run of a seed.</summary>
    private static double Loss(Denoiser denoiser, IReadOnlyList<LinearAdapter>? adapters, int seed, bool subject)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        random.manual_seed(5000 + seed);
        var kinds = subject ? full([HeldRows], Shapes.Subject, ScalarType.Int64) : randint(Shapes.Subject, [HeldRows], ScalarType.Int64);
        var pictures = Shapes.Draw(kinds);
        return Enumerable.Range(0, HeldDraws).Average(_ => denoiser.Loss(pictures, kinds, adapters).item<float>());
    }

    private static Denoiser PreTrained(int steps)
    {
        random.manual_seed(7);
        var denoiser = new Denoiser();
        using var optimizer = optim.AdamW(denoiser.Parameters, lr: 1e-3, weight_decay: 0.01);
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.ParamGroups.First().LearningRate = 2e-3 * Math.Min(1, (step + 1) / 100.0) * (1 - ((double)step / steps));
            var kinds = randint(Shapes.Subject, [64], ScalarType.Int64);
            optimizer.zero_grad();
            denoiser.Loss(Shapes.Draw(kinds), kinds).backward();
            optimizer.step();
        }

        foreach (var parameter in denoiser.Parameters)
        {
            parameter.requires_grad_(false);
        }

        return denoiser;
    }

    /// <summary>One side: every seed at every rate.</summary>
    private sealed record Outcome(double Rate, List<Dictionary<double, (double Subject, double Prior)>> Runs)
    {
        public Interval Best => Interval.Of([.. Runs.Select(run => run[Rate].Subject)]);

        public Interval Prior => Interval.Of([.. Runs.Select(run => run[Rate].Prior)]);

        public IEnumerable<double> Spreads => Runs.Select(run =>
        {
            var losses = run.Values.Select(loss => loss.Subject).ToList();
            return Math.Sqrt(losses.Sum(loss => Math.Pow(loss - losses.Average(), 2)) / (losses.Count - 1));
        });

        public string ByRate => string.Join(' ', s_rates.Select(rate => Runs.Average(run => run[rate].Subject).ToString("F3", CultureInfo.InvariantCulture)));
    }
}
