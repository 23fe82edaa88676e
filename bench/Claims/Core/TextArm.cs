using System.Globalization;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Adapters;

namespace Bench.Claims.Core;

/// <summary>One side of a comparison on a <see cref="TextTask"/>: its learning rate is chosen on held-back rows, then every seed is run with it.</summary>
/// <param name="Rate">The learning rate.</param>
/// <param name="Trained">Numbers of the method, without the head.</param>
/// <param name="Runs">What came of each seed.</param>
internal sealed record TextArm(double Rate, long Trained, IReadOnlyList<TextTask.Outcome> Runs)
{
    /// <summary>The rates that LoRA's best is among on this task.</summary>
    public static readonly double[] UsualRates = [1e-3, 3e-3, 1e-2];

    /// <summary>Test accuracies in percent.</summary>
    public IReadOnlyList<double> Accuracies => [.. Runs.Select(r => 100 * r.Accuracy)];

    /// <summary>Mean test accuracy in percent.</summary>
    public Interval Accuracy => Interval.Of(Accuracies);

    /// <summary>Mean cross-entropy of the test rows.</summary>
    public Interval HeldLoss => Interval.Of([.. Runs.Select(r => r.HeldLoss)]);

    /// <summary>Mean training loss of the last epoch.</summary>
    public Interval Loss => Interval.Of([.. Runs.Select(r => r.Loss)]);

    /// <summary>Tunes and runs a method.</summary>
    /// <param name="task">The rows.</param>
    /// <param name="settings">Seeds.</param>
    /// <param name="options">The method, or null for the head alone.</param>
    /// <param name="rates">Learning rates to choose from.</param>
    /// <param name="epochs">Passes over the rows; two thirds of them while tuning.</param>
    /// <param name="before">Called with each new model before it is trained.</param>
    /// <param name="after">Called with each model that a seed has trained.</param>
    public static TextArm Train(
        TextTask task,
        ClaimSettings settings,
        AdapterOptions? options,
        IReadOnlyList<double> rates,
        int epochs,
        Action<TextClassifier>? before = null,
        Action<TextClassifier>? after = null)
    {
        var rate = task.Tune(options, rates, Math.Max(1, 2 * epochs / 3), before);
        var runs = settings.SeedNumbers.Select(seed => task.Run(options, rate, seed, epochs, after, before)).ToList();
        return new(rate, runs[0].Trainable - task.HeadCount(), runs);
    }

    /// <summary>Differences of the accuracies, in points: this side less the other one.</summary>
    public Interval Above(TextArm other) => Interval.OfDifferences(Accuracies, other.Accuracies);

    /// <summary>Accuracy, count and rate, for a figure.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Accuracy.ToString("F1")} % ({Trained:N0} numbers, rate {Rate})");
}
