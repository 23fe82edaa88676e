using System.Globalization;
using Microsoft.ML.Peft.Adapters;

namespace Bench.Claims.Core;

/// <summary>Comparisons on toy vision transformers that were trained on one kind of pictures and learn 36 classes of another: one transformer a seed, and one more on which learning
/// rates are chosen.</summary>
internal sealed class VitTask : IDisposable
{
    private const int Pretraining = 700;
    private const int Epochs = 10;
    private const int TuningSeed = 100;

    private readonly int _epochs;
    private readonly ToyVit _tuning;
    private readonly IReadOnlyList<(int Seed, ToyVit Vit)> _vits;

    /// <summary>Trains the transformers.</summary>
    /// <param name="settings">Seeds and effort.</param>
    /// <param name="layers">Count of blocks.</param>
    /// <param name="inner">Width of the feed-forward parts.</param>
    public VitTask(ClaimSettings settings, int layers, int inner)
    {
        _epochs = settings.Steps(Epochs);
        _tuning = Trained(TuningSeed);
        _vits = [.. settings.SeedNumbers.Select(seed => (seed, Trained(seed)))];

        ToyVit Trained(int seed) => new(layers, 4, seed, settings.Steps(Pretraining), bothKinds: false, inner);
    }

    /// <summary>Accuracy on the other kind before anything is trained.</summary>
    public Interval Before => Interval.Of([.. _vits.Select(v => v.Vit.Accuracy(null, v.Seed))]);

    /// <summary>One side of a comparison: the rate that is most often right on the transformer for choosing, then every seed with it.</summary>
    /// <param name="options">The method, or null for the classifier alone.</param>
    /// <param name="rates">The learning rates to choose from.</param>
    public Arm Train(AdapterOptions? options, IReadOnlyList<double> rates)
    {
        var rate = rates.MaxBy(r => _tuning.Adapt(options, r, TuningSeed, _epochs).Accuracy);
        return new(rate, [.. _vits.Select(v => v.Vit.Adapt(options, rate, v.Seed, _epochs))]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tuning.Dispose();
        foreach (var (_, vit) in _vits)
        {
            vit.Dispose();
        }
    }

    /// <summary>What came of one side.</summary>
    /// <param name="Rate">The learning rate.</param>
    /// <param name="Runs">The runs, by seed.</param>
    internal sealed record Arm(double Rate, IReadOnlyList<(double Accuracy, long Trained, double Loss)> Runs)
    {
        /// <summary>Right ones of 1,800 pictures that were not seen, in percent.</summary>
        public Interval Accuracy => Interval.Of([.. Runs.Select(r => r.Accuracy)]);

        /// <summary>Loss of the pictures that were trained on.</summary>
        public Interval Loss => Interval.Of([.. Runs.Select(r => r.Loss)]);

        /// <summary>Trained numbers without the classifier.</summary>
        public long Trained => Runs[0].Trained;

        /// <summary>Differences of the accuracies, in points: this side less the other one.</summary>
        public Interval Above(Arm other) => Interval.OfDifferences([.. Runs.Select(r => r.Accuracy)], [.. other.Runs.Select(r => r.Accuracy)]);

        /// <summary>Accuracy, count and rate, for a figure.</summary>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Accuracy.ToString("F1")} % ({Trained:N0} numbers, rate {Rate})");
    }
}
