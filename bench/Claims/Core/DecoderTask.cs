using System.Globalization;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;

namespace Bench.Claims.Core;

/// <summary>Comparisons on toy decoders: one a seed, and one more on which settings are chosen.</summary>
internal sealed class DecoderTask : IDisposable
{
    private const int Pretraining = 1000;
    private const int Steps = 200;
    private const int TuningSeed = 100;

    private readonly int _steps;
    private readonly ToyDecoder _tuning;
    private readonly IReadOnlyList<(int Seed, ToyDecoder Decoder)> _decoders;

    /// <summary>Trains the decoders.</summary>
    /// <param name="settings">Seeds and effort.</param>
    /// <param name="layers">Count of blocks.</param>
    /// <param name="inner">Width of the feed-forward parts.</param>
    public DecoderTask(ClaimSettings settings, int layers, int inner)
    {
        _steps = settings.Steps(Steps);
        _tuning = Trained(TuningSeed);
        _decoders = [.. settings.SeedNumbers.Select(seed => (seed, Trained(seed)))];

        ToyDecoder Trained(int seed) => new(layers, inner, seed, settings.Steps(Pretraining));
    }

    /// <summary>Loss of the shifted grammar before anything is trained.</summary>
    public Interval LossBefore => Interval.Of([.. _decoders.Select(d => d.Decoder.Evaluate(null, d.Seed).Loss)]);

    /// <summary>One side of a comparison: of its settings and learning rates the pair that has the lowest loss after half of the steps on the decoder for choosing, then every seed with that
    /// pair.</summary>
    /// <param name="candidates">The settings to choose from.</param>
    /// <param name="rates">The learning rates to choose from.</param>
    /// <param name="before">Called with each new adapter before it is trained.</param>
    /// <param name="after">Called with each adapter that a seed has trained, and its decoder.</param>
    public Arm Train(IReadOnlyList<AdapterOptions> candidates, IReadOnlyList<double> rates, Action<AdapterSet>? before = null, Action<AdapterSet, ToyDecoder>? after = null)
    {
        var (options, rate) = candidates.SelectMany(_ => rates, (options, rate) => (options, rate))
            .MinBy(pair => Finite(Run(_tuning, TuningSeed, pair.options, pair.rate, Math.Max(1, _steps / 2), before, null).Loss));
        return new(options, rate, [.. _decoders.Select(d => Run(d.Decoder, d.Seed, options, rate, _steps, before, after))]);

        static double Finite(double loss) => double.IsFinite(loss) ? loss : double.MaxValue;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tuning.Dispose();
        foreach (var (_, decoder) in _decoders)
        {
            decoder.Dispose();
        }
    }

    private ToyDecoder.Outcome Run(
        ToyDecoder decoder, int seed, AdapterOptions options, double rate, int steps, Action<AdapterSet>? before, Action<AdapterSet, ToyDecoder>? after)
    {
        using var adapter = decoder.New(options, seed);
        before?.Invoke(adapter);
        decoder.Adapt(adapter, rate, seed, steps);
        after?.Invoke(adapter, decoder);
        return decoder.Evaluate(adapter, seed);
    }

    /// <summary>What came of one side.</summary>
    /// <param name="Options">The settings that were chosen.</param>
    /// <param name="Rate">The learning rate.</param>
    /// <param name="Runs">The runs, by seed.</param>
    internal sealed record Arm(AdapterOptions Options, double Rate, IReadOnlyList<ToyDecoder.Outcome> Runs)
    {
        /// <summary>Loss of each seed on sentences that were not seen.</summary>
        public IReadOnlyList<double> Losses => [.. Runs.Select(r => r.Loss)];

        /// <summary>Mean of <see cref="Losses"/>.</summary>
        public Interval Loss => Interval.Of(Losses);

        /// <summary>Trained numbers.</summary>
        public long Trained => Runs[0].Trained;

        /// <summary>By how many hundredths the loss is above that of another side, by seed.</summary>
        public Interval PercentAbove(Arm other) => Interval.Of([.. Losses.Zip(other.Losses, (mine, theirs) => 100 * ((mine / theirs) - 1))]);

        /// <summary>Differences of the accuracies, in points: this side less the other one.</summary>
        public Interval PointsAbove(Arm other) => Interval.OfDifferences([.. Runs.Select(r => r.Accuracy)], [.. other.Runs.Select(r => r.Accuracy)]);

        /// <summary>Loss, count and rate, for a figure.</summary>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Loss.ToString("F3")} ({Trained:N0} numbers, rate {Rate})");
    }
}
