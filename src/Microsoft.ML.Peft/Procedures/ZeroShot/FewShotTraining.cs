using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures.ZeroShot;

/// <summary>Teaches an adapter on a model of pictures and texts some classes by a few pictures of each.</summary>
/// <remarks>
/// <para>Each step computes the vectors of all classes anew, since the encoder of texts learns too, and takes the cross-entropy of
/// <see cref="ZeroShotClassifier.Logits"/>. Where no adapter acts on texts the vectors are computed once.</para>
/// <para>Source: Koleilat, Rivaz and Xiao 2025, arXiv:2509.03740; the protocol of Zhou et al. 2021, arXiv:2109.01134.</para>
/// </remarks>
public static class FewShotTraining
{
    /// <summary>Pictures of a batch, changed at random or not: (rows, channels, height, width).</summary>
    /// <param name="rows">Which pictures.</param>
    /// <param name="random">Where random numbers come from.</param>
    public delegate Tensor Pictures(IReadOnlyList<int> rows, Random random);

    /// <summary>Trains the adapter of a classifier on pictures as they are.</summary>
    /// <param name="classifier">Model, classes and adapter; the adapter changes.</param>
    /// <param name="pixels">(pictures, channels, height, width).</param>
    /// <param name="labels">Class of each picture, from 0.</param>
    /// <param name="options">Steps, batch size, learning rate.</param>
    /// <param name="progress">Called after each step with its number, from 1, and its loss.</param>
    /// <param name="cancellation">Stops before the next step.</param>
    /// <exception cref="ArgumentException">A setting or a label is outside its range, or the counts differ.</exception>
    /// <exception cref="PeftException">The classifier has no adapter, or the loss stopped being a number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the adapter is as the last step left it.</exception>
    public static TrainingReport Fit(
        ZeroShotClassifier classifier, Tensor pixels, IReadOnlyList<int> labels, FewShotOptions options, Action<long, double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(labels);
        if (pixels.size(0) != labels.Count)
        {
            throw new ArgumentException($"There are {pixels.size(0)} pictures and {labels.Count} labels; give one label for each picture.", nameof(labels));
        }

        return Fit(
            classifier, (rows, _) => pixels.index_select(0, tensor(rows.Select(r => (long)r).ToArray(), device: pixels.device)), labels, options, progress, cancellation);
    }

    /// <summary>The same with pictures that are made for each step, for example cut and mirrored at random: <see cref="FewShotPictures"/>.</summary>
    /// <param name="classifier">Model, classes and adapter; the adapter changes.</param>
    /// <param name="pictures">Makes the pictures of a step.</param>
    /// <param name="labels">Class of each picture, from 0.</param>
    /// <param name="options">Steps, batch size, learning rate.</param>
    /// <param name="progress">Called after each step with its number, from 1, and its loss.</param>
    /// <param name="cancellation">Stops before the next step.</param>
    /// <inheritdoc cref="Fit(ZeroShotClassifier, Tensor, IReadOnlyList{int}, FewShotOptions, Action{long, double}, CancellationToken)"/>
    public static TrainingReport Fit(
        ZeroShotClassifier classifier, Pictures pictures, IReadOnlyList<int> labels, FewShotOptions options, Action<long, double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentNullException.ThrowIfNull(pictures);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var adapter = classifier.Adapter ?? throw new PeftException("The classifier has no adapter that could be trained; give it one.");
        var wrong = labels.FirstOrDefault(label => label < 0 || label >= classifier.Prompts.Classes.Count, 0);
        if (labels.Count == 0 || wrong != 0)
        {
            throw new ArgumentException(labels.Count == 0 ? "There are no pictures; give at least one." : $"A label is {wrong}; it must be from 0 to {classifier.Prompts.Classes.Count - 1}.", nameof(labels));
        }

        var steps = options.StepsOf(labels.GroupBy(label => label).Max(g => g.Count()), labels.Count);
        using (var pending = adapter.CreateCalibration(options.Seed))
        {
            if (pending is not null)
            {
                throw new PeftException($"The adapter '{adapter.Name}' starts from what is measured on data, which this training does not do; call AdapterStart.Measure first, or choose another start.");
            }
        }

        using var context = ForwardContext.TrainingWith(options.Seed, classifier.Encoder.LogitScale.device, adapter);
        using var run = new FewShotRun(classifier, pictures, labels, options, adapter, context, steps);
        var losses = run.Train(progress, cancellation);
        classifier.Refresh();
        return new TrainingReport(labels.Count, steps, losses, run.Elapsed);
    }
}
