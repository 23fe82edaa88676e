using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Bench.Claims.DyLora;

/// <summary>DyLoRA (Valipour et al. 2023, arXiv:2210.07558): one run serves every rank, where LoRA cut below its rank falls apart, at a fraction of a search's cost.</summary>
/// <remarks>A net W₂·tanh(W₁·x) of width 64 learns one whose weights are moved by 12 falling singular values each; inputs are fresh normal numbers. The error is relative
/// to that of the net without adapters. Each side's learning rate is the best of three on another teacher, by its mean error over the ranks.</remarks>
internal sealed class DyLoraClaim : IClaim
{
    private const int Width = 64;
    private const int Rank = 8;
    private const double Alpha = 16;
    private const int BatchSize = 128;
    private const int TestRows = 2048;

    private static readonly double[] s_rates = [1e-3, 2e-3, 5e-3];

    public string Method => "dylora";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        var steps = settings.Steps(4000);
        var lora = new LoraOptions { Rank = Rank, Alpha = Alpha };
        var frozen = new DyLoraOptions { Rank = Rank, Alpha = Alpha };
        var free = frozen with { TrainsLastOnly = false };
        var (loraRate, frozenRate, freeRate) = (Tune(lora, steps / 4), Tune(frozen, steps / 4), Tune(free, steps / 4));

        var (cut, dyFrozen, dyFree, own) = (new List<double[]>(), new List<double[]>(), new List<double[]>(), new List<double[]>());
        var savings = new List<double>();
        foreach (var seed in settings.SeedNumbers)
        {
            using var scope = NewDisposeScope();
            var task = new Teacher(seed);
            var search = 0.0;
            var best = new double[Rank];
            for (var rank = 1; rank <= Rank; rank++) // a search over ranks: a LoRA of its own for each
            {
                var errors = task.Fit(lora with { Rank = rank }, loraRate, steps, seed, out var seconds);
                (best[rank - 1], search) = (errors[rank - 1], search + seconds);
                if (rank == Rank)
                {
                    cut.Add(errors);
                }
            }

            own.Add(best);
            dyFrozen.Add(task.Fit(frozen, frozenRate, steps, seed, out _));
            dyFree.Add(task.Fit(free, freeRate, steps, seed, out var once));
            savings.Add(search / once);
        }

        var (loraMean, frozenMean, freeMean, ownMean) = (ByRank(cut), ByRank(dyFrozen), ByRank(dyFree), ByRank(own));
        var (mode, dynamic, runs) = freeMean.Average() < frozenMean.Average() ? ("all rows trained", freeMean, dyFree) : ("last row trained", frozenMean, dyFrozen);
        yield return new(
            Method,
            "after one run the error averaged over the ranks 1 to 8 is at most 0.85 times that of LoRA trained at rank 8 and cut, at rank 1 at most 0.8 times, and does not rise with the rank",
            $"mean error {MeanError(runs)} ({mode}) and LoRA cut {MeanError(cut)}; by rank, last row trained {Row(frozenMean)}, all rows trained {Row(freeMean)}, LoRA cut {Row(loraMean)}",
            ClaimResult.Of(dynamic.Average() <= 0.85 * loraMean.Average(), dynamic[0] <= 0.8 * loraMean[0], Enumerable.Range(1, Rank - 1).All(b => dynamic[b] <= dynamic[b - 1] + 0.02)));
        yield return new(
            Method,
            "the run costs at least 4 times less than a search that trains a LoRA for each of 8 ranks",
            $"the search takes {Interval.Of(savings).ToString("F1")} times the processor time",
            ClaimResult.Of(savings.Average() >= 4));
        yield return new(
            Method,
            "it serves all ranks with little loss: its mean error over the ranks is within 0.1 of that of a LoRA for each (the bound is this experiment's own; the paper gives none)",
            $"mean error {MeanError(runs)}, of the search's LoRAs {MeanError(own)}, by rank {Row(ownMean)}",
            ClaimResult.Of(dynamic.Average() <= ownMean.Average() + 0.1));
    }

    private static double Tune(AdapterOptions options, int steps)
    {
        using var scope = NewDisposeScope();
        var task = new Teacher(100);
        return s_rates.MinBy(rate => task.Fit(options, rate, steps, 100, out _).Average());
    }

    private static double[] ByRank(List<double[]> runs) => [.. Enumerable.Range(0, Rank).Select(b => runs.Average(run => run[b]))];

    private static string MeanError(List<double[]> runs) => Interval.Of([.. runs.Select(run => run.Average())]).ToString("F2");

    private static string Row(double[] errors) => string.Join(' ', errors.Select(e => e.ToString("F2", CultureInfo.InvariantCulture)));

    /// <summary>The net, the one to learn, and rows to measure on.</summary>
    private sealed class Teacher
    {
        private readonly Tensor[] _base;
        private readonly Tensor[] _moved;
        private readonly Tensor _rows;

        public Teacher(int seed)
        {
            random.manual_seed(seed);
            var shift = Enumerable.Range(0, 12).Select(k => 1.5 * Math.Pow(0.8, k)).ToArray();
            _base = [RandomMatrices.Dense(Width, Width), RandomMatrices.Dense(Width, Width)];
            _moved = [.. _base.Select(w => w + RandomMatrices.WithSingularValues(Width, shift))];
            _rows = randn(TestRows, Width);
        }

        /// <summary>Trains, and gives the error at each rank up to 8, or up to the LoRA's own.</summary>
        public double[] Fit(AdapterOptions options, double rate, int steps, int seed, out double seconds)
        {
            random.manual_seed(1000 + seed);
            using var fit = new LayerFit(options, [new("first", _base[0]), new("second", _base[1])], seed);
            seconds = StepClock.Seconds("cpu", () => fit.Train(_ => Loss(fit, randn(BatchSize, Width)), steps, rate), 1);
            return Errors(fit);
        }

        private Tensor Loss(LayerFit fit, Tensor x) => (Student(fit, x) - Net(_moved, x)).square().mean();

        private static Tensor Student(LayerFit fit, Tensor x) => fit.Layers[1].call(fit.Layers[0].call(x).tanh());

        private static Tensor Net(Tensor[] weights, Tensor x) => nn.functional.linear(nn.functional.linear(x, weights[0]).tanh(), weights[1]);

        private double[] Errors(LayerFit fit)
        {
            using var _ = no_grad();
            using var scope = NewDisposeScope();
            var (target, unchanged) = (Net(_moved, _rows), Net(_base, _rows));
            var reference = unchanged - target;
            if (fit.Layers[0] is Microsoft.ML.Peft.Adapters.DyLora)
            {
                return [.. Enumerable.Range(1, Rank).Select(rank =>
                {
                    foreach (var layer in fit.Layers.Cast<Microsoft.ML.Peft.Adapters.DyLora>())
                    {
                        layer.ActiveRank = rank;
                    }

                    return RandomMatrices.RelativeError(Student(fit, _rows), target, reference);
                })];
            }

            var own = (int)Parameter(fit.Layers[0], "lora_A").size(0);
            return [.. Enumerable.Range(1, own).Select(rank => RandomMatrices.RelativeError(
                Net([.. fit.Layers.Zip(_base, (layer, weight) => weight + CutDelta(layer, rank, own))], _rows), target, reference))];
        }

        // The first rows and columns at the scale that the LoRA was trained with.
        private static Tensor CutDelta(LinearAdapter layer, int rank, int trained)
            => Parameter(layer, "lora_B").narrow(1, 0, rank).mm(Parameter(layer, "lora_A").narrow(0, 0, rank)).mul(Alpha / trained);

        private static Parameter Parameter(LinearAdapter layer, string name) => layer.named_parameters().Single(p => p.name == name).parameter;
    }
}
