using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Bench.Claims.Diffora;

/// <summary>DiffoRA (Jiang et al. 2025, arXiv:2502.08905): searched layers do as well as all layers with half the numbers, and better than layers drawn at random.</summary>
/// <remarks>A residual net of 4 blocks with 4 matrices of 32 × 32 each: two whose products are gated by each other, one behind them, one beside them. The teacher moves two of each block by a matrix of rank
/// 3. The net's weights have the deviation 0.5/√32: with 1/√32 the products of four blocks grow so much that layers drawn at random do worse than no adapter, and the search finds 0.7 to 0.8 of
/// the layers. 400 rows, noise 0.02; the search's halves are drawn from them. Fresh rows measure the error, relative to that of the net without adapters. Every arm has the learning rate, which
/// stays, that is the best of three for LoRA on every layer of two other teachers. Unselected layers get nothing, so that an arm has half the numbers of the one with all layers; sharing is an arm
/// of its own.</remarks>
internal sealed class DifforaClaim : IClaim
{
    private const int Width = 32;
    private const int Blocks = 4;
    private const int Candidates = 4;
    private const int Rank = 4;
    private const int Rows = 400;
    private const int BatchSize = 64;
    private const double Noise = 0.02;
    private const double BaseScale = 0.5;

    private static readonly double[] s_rates = [1e-3, 3e-3, 1e-2];

    public string Method => "diffora";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        settings = settings with { Seeds = Math.Max(settings.Seeds, 4) }; // a hit more or less is much
        var steps = settings.Steps(1500);
        var search = new DiffoRaOptions { Rank = Rank, Alpha = Rank, SearchSteps = settings.Steps(600), WarmupSearchSteps = settings.Steps(50), SharesUnselected = false };
        var lora = new LoraOptions { Rank = Rank, Alpha = Rank };
        var rate = Tune(lora, steps);
        Outcome Arm(Func<int, AdapterOptions> options) => DifforaClaim.Arm(settings, options, rate, steps);
        var (softmax, sigmoid) = (Arm(_ => search), Arm(_ => search with { Relaxation = DiffoRaRelaxation.Sigmoid }));
        var (shared, drawn, all) = (Arm(_ => search with { SharesUnselected = true }), Arm(seed => search with { SelectedModules = Drawn(seed) }), Arm(_ => lora));
        yield return new(
            Method,
            "the search finds at least 0.9 of the layers that the teacher has moved, a draw about half",
            $"softmax {softmax.Hits}, sigmoid {sigmoid.Hits}, drawn {drawn.Hits}",
            ClaimResult.Of(softmax.Hits.Mean >= 0.9, sigmoid.Hits.Mean >= 0.9));
        yield return new(
            Method,
            "its error is at most 0.1 times that of layers drawn at random",
            $"softmax {softmax}, sigmoid {sigmoid}, drawn {drawn}",
            ClaimResult.Of(softmax.Error.Mean <= 0.1 * drawn.Error.Mean));
        yield return new(
            Method,
            "with half the numbers its error is at most 0.01 above that of LoRA on every layer",
            $"searched {softmax}, every layer {all}; with pairs shared by kind {shared}",
            ClaimResult.Of(softmax.Error.Mean <= all.Error.Mean + 0.01));
    }

    private static double Tune(AdapterOptions options, int steps)
    {
        using var scope = NewDisposeScope();
        Problem[] tuning = [new(100), new(101)];
        return s_rates.MinBy(rate => tuning.Select((task, k) => task.Fit(options, rate, steps, 100 + k).Error).Average());
    }

    private static Outcome Arm(ClaimSettings settings, Func<int, AdapterOptions> options, double rate, int steps)
    {
        using var scope = NewDisposeScope();
        var runs = settings.SeedNumbers.Select(seed => new Problem(seed).Fit(options(seed), rate, steps, seed)).ToList();
        return new(Interval.Of([.. runs.Select(r => r.Error)]), Interval.Of([.. runs.Select(r => r.Hits)]), runs[0].Trained, rate);
    }

    private static string[] Drawn(int seed)
    {
        var random = new Random(500 + seed);
        return [.. Enumerable.Range(0, Blocks).SelectMany(block => Two(random).Select(k => $"block.{block}.m{k}"))];
    }

    private static int[] Two(Random random)
    {
        var order = Enumerable.Range(0, Candidates).ToArray();
        random.Shuffle(order);
        return [.. order.Take(Candidates / 2).Order()];
    }

    private sealed record Outcome(Interval Error, Interval Hits, long Trained, double Rate)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Error} ({Trained:N0} numbers, rate {Rate})");
    }

    private sealed class Problem
    {
        private readonly Tensor[] _base;
        private readonly Tensor[] _moved;
        private readonly HashSet<string> _true = new(StringComparer.Ordinal);
        private readonly Tensor _x;
        private readonly Tensor _y;
        private readonly Tensor _testX;

        public Problem(int seed)
        {
            random.manual_seed(seed);
            var choice = new Random(seed);
            _base = [.. Enumerable.Range(0, Blocks * Candidates).Select(_ => RandomMatrices.Dense(Width, Width) * BaseScale)];
            _moved = [.. _base.Select(w => w.clone())];
            for (var block = 0; block < Blocks; block++)
            {
                foreach (var k in Two(choice))
                {
                    _true.Add($"block.{block}.m{k}");
                    _moved[(block * Candidates) + k] += randn(Width, 3).mm(randn(3, Width)).mul(0.12 / Math.Sqrt(3));
                }
            }

            (_x, _testX) = (randn(Rows, Width), randn(2048, Width));
            _y = Net(_moved, _x) + (randn(Rows, Width) * Noise);
        }

        public (double Error, double Hits, long Trained) Fit(AdapterOptions options, double rate, int steps, int seed)
        {
            using var scope = NewDisposeScope();
            random.manual_seed(1000 + seed);
            using var fit = new LayerFit(options, [.. _base.Select((w, k) => new LinearWeight($"block.{k / Candidates}.m{k % Candidates}", w))], seed);
            var order = randperm(Rows);
            var (trained, held) = (order.narrow(0, 0, Rows / 2), order.narrow(0, Rows / 2, Rows / 2));
            fit.Train(_ => Loss(fit, order), steps, rate, falls: false, lead: new(_ => Loss(fit, trained), () => Loss(fit, held)));
            using var _ = no_grad();
            var target = Net(_moved, _testX);
            var selected = (fit.Adapter.Options as DiffoRaOptions)?.SelectedModules ?? [];
            return (
                RandomMatrices.RelativeError(Student(fit, _testX), target, Net(_base, _testX) - target),
                selected.Count == 0 ? double.NaN : selected.Count(_true.Contains) / (double)selected.Count,
                fit.TrainableCount);
        }

        private Tensor Loss(LayerFit fit, Tensor among)
        {
            var rows = among.index_select(0, randint(among.size(0), [BatchSize]));
            return (Student(fit, _x.index_select(0, rows)) - _y.index_select(0, rows)).square().mean();
        }

        private static Tensor Student(LayerFit fit, Tensor x) => Net(k => fit.Layers[k].call, x);

        private static Tensor Net(Tensor[] weights, Tensor x) => Net(k => h => nn.functional.linear(h, weights[k]), x);

        private static Tensor Net(Func<int, Func<Tensor, Tensor>> layer, Tensor x)
        {
            for (var block = 0; block < Blocks; block++)
            {
                var first = block * Candidates;
                x = x + layer(first + 2)(layer(first)(x).tanh() * layer(first + 1)(x)) + (layer(first + 3)(x).tanh() * 0.5);
            }

            return x;
        }
    }
}
