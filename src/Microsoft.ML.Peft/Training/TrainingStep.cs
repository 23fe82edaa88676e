using Microsoft.ML.Peft.Adapters.Core;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Training;

/// <summary>The second half of a training step, which every loop shares: the backward pass, the optimizer and what a method does around them.</summary>
public static class TrainingStep
{
    /// <summary>Adds the method's penalty, runs the backward pass, lets the method and the optimizer step, and has the optimizer follow what is trained now.</summary>
    /// <param name="loss">The loss of the batch, one number with a graph; the caller has called <see cref="AdapterTraining.BeforeForward"/> before it was computed.</param>
    /// <param name="adapter">The adapter that is trained.</param>
    /// <param name="optimizer">The optimizer over <see cref="AdapterSet.TrainedParameters"/> of the adapter.</param>
    /// <param name="method">What <see cref="AdapterSet.CreateTraining"/> gave, or null where the method has no hooks.</param>
    /// <param name="point">Where the run is; its learning rate is the step's.</param>
    /// <param name="maxGradientNorm">Longest Euclidean norm of all gradients together; 0 for no limit.</param>
    public static void Apply(Tensor loss, AdapterSet adapter, FlatAdamW optimizer, AdapterTraining? method, TrainingPoint point, double maxGradientNorm)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(optimizer);
        (adapter.Penalty() is { } penalty ? loss + penalty : loss).backward();
        method?.BeforeStep(point);
        optimizer.Step(point.LearningRate, maxGradientNorm, keepGradients: method is { ReadsGradients: true });
        method?.AfterStep(point);
        if (method is { HasChanged: true })
        {
            optimizer.Follow(adapter.TrainedParameters());
            optimizer.Forget(method.Forgets);
        }
    }
}
