using System.Globalization;
using Bench.Claims.Core;
using Microsoft.ML.Peft.Adapters;
using static TorchSharp.torch;

namespace Bench.Claims.TriAdaptLora;

/// <summary>TriAdaptLoRA (Liang et al. 2025, arXiv:2501.08008): ranks that grow where the core grows do better than equal ranks, linear growth best, at little cost.</summary>
/// <remarks>A net of 6 layers of width 64 learns one whose layers 1 and 4 are moved by 8 equal singular values, the others by one or none. Both sides have 12 ranks in the end; the core has some
/// numbers besides. Inputs are fresh normal numbers. The error is relative to that of the net without adapters. The learning rate of each side is the best of four on another teacher.</remarks>
internal sealed class TriAdaptLoraClaim : IClaim
{
    private const int Width = 64;
    private const int Depth = 6;
    private const int BatchSize = 128;
    private const int TestRows = 2048;
    private const int Rounds = 5;
    private const int TextRows = 600;

    private static readonly int[] s_needs = [0, 8, 1, 0, 8, 1]; // singular values by which the teacher's layers are moved
    private static readonly double[] s_rates = [1e-2, 3e-2, 6e-2, 1e-1];

    public string Method => "triadaptlora";

    public IEnumerable<ClaimResult> Run(ClaimSettings settings)
    {
        settings = settings with { Seeds = Math.Max(settings.Seeds, 5) }; // which layers grow differs much from seed to seed
        var steps = settings.Steps(2000);
        var few = new TriAdaptLoraOptions { ReferenceRank = 2, Alpha = 4, Interval = Math.Max(1, steps / 20), IsStrict = true };
        var (even, grown) = (Arm(settings, new LoraOptions { Rank = 2, Alpha = 4 }, steps), Arm(settings, few, steps));
        yield return new(
            Method,
            "at 12 ranks in 6 layers, two of which need 8, the error is at most 0.9 times that of LoRA with 2 ranks each",
            $"TriAdaptLoRA {grown}, LoRA {even}; with the ranks where they are needed from the start {Arm(settings, few with { BlockSizes = Needed() }, steps)}",
            ClaimResult.Of(grown.Mean <= 0.9 * even.Mean));
        yield return new(
            Method,
            "the two layers that need 8 ranks get at least 1.3 times the mean rank of the others",
            $"{grown.Ratio.ToString("F2")} times; ranks by seed {grown.Ranks}",
            ClaimResult.Of(grown.Ratio.Mean >= 1.3));

        // At 12 ranks both laws let one layer grow at a time, and a layer has as many blocks as ranks: the choices are the same.
        var more = few with { ReferenceRank = 4 };
        var (linear, byRank, nonLinear) = (Arm(settings, more, steps), Arm(settings, more with { Divisor = TriAdaptDivisor.Rank }, steps), Arm(settings, more with { Growth = RankGrowth.NonLinear }, steps));
        yield return new(
            Method,
            "at 24 ranks linear growth is no worse than non-linear growth",
            $"linear {linear}, with the rank as divisor {byRank}, non-linear {nonLinear}; ranks of the needy over the others {linear.Ratio.ToString("F2")}, {byRank.Ratio.ToString("F2")} and {nonLinear.Ratio.ToString("F2")}",
            ClaimResult.Of(linear.Mean <= nonLinear.Mean));
        yield return Overhead(settings, few, steps);
    }

    // A run that grows to 2 ranks a layer against one that has them from the start, each at its fastest: other processes only ever slow a run.
    private ClaimResult Overhead(ClaimSettings settings, TriAdaptLoraOptions grows, int steps)
    {
        using var scope = NewDisposeScope();
        var (task, text, few) = (new Teacher(100), new TextTask(settings, TextRows), Math.Max(20, steps / 10));
        var small = Fastest(grows with { Interval = Math.Max(1, few / 20) }, Net) / Fastest(grows with { InitialRank = 2 }, Net);
        var large = Fastest(grows with { Interval = 2 }, Text) / Fastest(grows with { InitialRank = 2 }, Text);
        return new(
            Method,
            "a run that grows takes at most 1.1 times the processor time of one with the final ranks from the start",
            string.Create(CultureInfo.InvariantCulture, $"{large:F2} times for every linear layer of bert-docs, {small:F2} times for the net of width 64, whose time is that of many small operators; the fastest of {Rounds} runs each"),
            ClaimResult.Of(small <= 1.1, large <= 1.1));

        double Net(AdapterOptions options) => StepClock.Seconds("cpu", () => task.Error(options, s_rates[0], few, 1), 1);

        double Text(AdapterOptions options) => text.Run(options, 1e-3, 1, 2).StepSeconds;

        static double Fastest(AdapterOptions options, Func<AdapterOptions, double> seconds) => Enumerable.Range(0, Rounds).Min(_ => seconds(options));
    }

    private static Dictionary<string, IReadOnlyList<int>> Needed()
        => s_needs.Select((need, k) => (need, k)).ToDictionary(l => $"block.{l.k}.linear", l => (IReadOnlyList<int>)[l.need == 8 ? 4 : 1]);

    private static Outcome Arm(ClaimSettings settings, AdapterOptions options, int steps)
    {
        using var scope = NewDisposeScope();
        var tuning = new Teacher(100);
        var rate = s_rates.MinBy(r => tuning.Error(options, r, steps, 100).Error);
        var runs = settings.SeedNumbers.Select(seed => new Teacher(seed).Error(options, rate, steps, seed)).ToList();
        return new(Interval.Of([.. runs.Select(r => r.Error)]), Interval.Of([.. runs.Select(r => Needy(r.Ranks, true) / Needy(r.Ranks, false))]), string.Join(", ", runs.Select(r => string.Join(' ', r.Ranks))), rate);

        static double Needy(int[] ranks, bool needy) => Enumerable.Range(0, Depth).Where(k => s_needs[k] == 8 == needy).Average(k => ranks[k]);
    }

    private sealed record Outcome(Interval Error, Interval Ratio, string Ranks, double Rate)
    {
        public double Mean => Error.Mean;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Error} (rate {Rate})");
    }

    /// <summary>The net, the one to learn, and rows to measure on.</summary>
    private sealed class Teacher
    {
        private readonly Tensor[] _base;
        private readonly Tensor[] _moved;
        private readonly Tensor _rows;

        public Teacher(int seed)
        {
            random.manual_seed(seed);
            _base = [.. Enumerable.Range(0, Depth).Select(_ => RandomMatrices.Dense(Width, Width).mul(1.5))];
            _moved = [.. _base.Select((w, k) => s_needs[k] == 0 ? w.clone() : w + RandomMatrices.WithSingularValues(Width, [.. Enumerable.Repeat(1.0, s_needs[k])]))];
            _rows = randn(TestRows, Width);
        }

        /// <summary>Trains, and gives the error and the rank of each layer.</summary>
        public (double Error, int[] Ranks) Error(AdapterOptions options, double rate, int steps, int seed)
        {
            using var scope = NewDisposeScope();
            random.manual_seed(1000 + seed);
            using var fit = new LayerFit(options, [.. _base.Select((w, k) => new Microsoft.ML.Peft.Adapters.Core.LinearWeight($"block.{k}.linear", w))], seed);
            fit.Train(
                _ =>
                {
                    var x = randn(BatchSize, Width);
                    return (Student(fit, x) - Net(_moved, x)).square().mean();
                },
                steps,
                rate);
            using var _ = no_grad();
            var target = Net(_moved, _rows);
            return (
                RandomMatrices.RelativeError(Student(fit, _rows), target, Net(_base, _rows) - target),
                [.. fit.Layers.Select(layer => layer is Microsoft.ML.Peft.Adapters.TriAdaptLora grown ? grown.Rank : 2)]);
        }

        private static Tensor Student(LayerFit fit, Tensor x) => Net(fit.Layers.Select(layer => (Func<Tensor, Tensor>)layer.call), x);

        private static Tensor Net(Tensor[] weights, Tensor x) => Net(weights.Select(w => (Func<Tensor, Tensor>)(h => nn.functional.linear(h, w))), x);

        private static Tensor Net(IEnumerable<Func<Tensor, Tensor>> layers, Tensor x) => layers.Select((layer, k) => (layer, k)).Aggregate(x, (h, l) => l.layer(l.k == 0 ? h : h.tanh()));
    }
}
