using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using static TorchSharp.torch;

namespace Bench.Claims.Hydra;

/// <summary>Hydra (Kim et al. 2023, arXiv:2309.06922): a branch beside a layer and one behind it learn more from few rows than either alone.</summary>
/// <remarks>A 64 × 64 weight with quickly falling singular values; the one to learn is moved by f·S·W + (1 − f)·P, S of rank 2 and P of rank 1. All sides train 512
/// numbers: LoRA of rank 4, a branch behind of rank 4, and Hydra with 2 and 2. The error is that of the shift, relative and squared. Learning rates are the best of three on
/// another target.</remarks>
internal sealed class HydraClaim : IClaim
{
    private const int Width = 64;
    private const double Noise = 0.02;

    private static readonly (double Share, int Rows)[] s_cases = [(1, 24), (0.8, 24), (0.5, 24), (0, 24), (0.5, 96)];
    private static readonly double[] s_rates = [2e-3, 5e-3, 1e-2];

    private static readonly AdapterOptions[] s_sides =
    [
        new LoraOptions { Rank = 4, Alpha = 4 },
        new HydraOptions { ParallelRank = 0, SequentialRank = 4 },
        new HydraOptions { ParallelRank = 2, SequentialRank = 2 },
    ];

    public string Method => "hydra";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        var steps = settings.Steps(1500);
        var rates = s_sides.Select(side => s_rates.MinBy(rate => s_cases.Sum(c => Math.Log(Error(side, rate, steps, c.Share, c.Rows, seed: 100))))).ToArray();
        var errors = s_cases.ToDictionary(
            c => c, c => s_sides.Select((side, k) => settings.SeedNumbers.Select(seed => Error(side, rates[k], steps, c.Share, c.Rows, seed)).ToArray()).ToArray());

        yield return new(
            Method,
            "from 24 rows, where four fifths or half of the shift is of the branch behind, Hydra's error is at most 0.85 times LoRA's, and at one half below that of the branch behind alone",
            $"errors of LoRA, branch behind, Hydra: {string.Join("; ", s_cases.Where(c => c.Rows == 24).Select(Row))}",
            ClaimResult.Of(
                Mean((0.8, 24), 2) <= 0.85 * Mean((0.8, 24), 0), Mean((0.5, 24), 2) <= 0.85 * Mean((0.5, 24), 0), Mean((0.5, 24), 2) < Mean((0.5, 24), 1)));
        yield return new(
            Method,
            "from 96 rows Hydra's error is within twice LoRA's and ten times below that of the branch behind alone: the gain is one of generalisation",
            $"errors of LoRA, branch behind, Hydra: {Row((0.5, 96))}",
            ClaimResult.Of(Mean((0.5, 96), 2) <= 2 * Mean((0.5, 96), 0), Mean((0.5, 96), 2) <= 0.1 * Mean((0.5, 96), 1)));

        double Mean((double, int) which, int side) => errors[which][side].Average();

        string Row((double Share, int Rows) which)
            => string.Create(CultureInfo.InvariantCulture, $"f {which.Share}: {string.Join(", ", errors[which].Select(e => Interval.Of(e).ToString("G2")))}");
    }

    private static double Error(AdapterOptions options, double rate, int steps, double share, int rows, int seed)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(seed);
        var weight = RandomMatrices.WithSingularValues(Width, [.. Enumerable.Range(0, Width).Select(k => 3 * Math.Exp(-k / 10.0))]);
        var behind = randn(Width, 2).mm(randn(2, Width)).mul(2.0 / Width).mm(weight);
        var beside = randn(Width, 1).mm(randn(1, Width)).mul(2.0 / Width);
        var target = weight + behind.mul(share) + beside.mul(1 - share);
        var x = randn(rows, Width);
        var y = nn.functional.linear(x, target) + randn(rows, Width).mul(Noise);
        using var fit = new LayerFit(options, [new("layer", weight)], seed);
        fit.Train(_ => (fit.Layers[0].call(x) - y).square().mean(), steps, rate, falls: false);
        using var _ = no_grad();
        return RandomMatrices.RelativeError(fit.Layers[0].call(eye(Width)).t(), target, weight - target);
    }
}
