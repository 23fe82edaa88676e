using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What a method does between the steps of a training run: draws a rank, masks, grows, changes gradients.</summary>
/// <remarks>First of all <see cref="Begin"/>, once. The order of a step: <see cref="BeforeForward"/>, forward and backward, <see cref="BeforeStep"/>, the optimizer,
/// <see cref="AfterStep"/> while the gradients are still there; then, if it <see cref="HasChanged"/>, the parameters are asked for again, so that new ones join the optimizer.</remarks>
public abstract class AdapterTraining : IDisposable
{
    /// <summary>Before everything else. Default: nothing.</summary>
    /// <param name="run">What the run gives the method.</param>
    /// <returns>Steps that the method needs before the run, or null.</returns>
    public virtual TrainingLead? Begin(TrainingRun run) => null;

    /// <summary>Before the forward pass of a step. Default: nothing.</summary>
    public virtual void BeforeForward(TrainingPoint point)
    {
    }

    /// <summary>The gradients are there and the optimizer has not acted. Default: nothing.</summary>
    public virtual void BeforeStep(TrainingPoint point)
    {
    }

    /// <summary>The optimizer has acted and the gradients are still there. Default: nothing.</summary>
    public virtual void AfterStep(TrainingPoint point)
    {
    }

    /// <summary>False where <see cref="AfterStep"/> reads no gradient, so that the optimizer may let go of them. Default true.</summary>
    public virtual bool ReadsGradients => true;

    /// <summary>True where the last <see cref="AfterStep"/> may have added parameters, taken some away or made moments to be forgotten; asked for after it. Default true.</summary>
    public virtual bool HasChanged => true;

    /// <summary>Parameters of which the optimizer forgets the moments in part, asked for after <see cref="AfterStep"/>: with 1 where they stay and 0 where they go, in a shape that
    /// spreads to the parameter's. Default: none.</summary>
    public virtual IEnumerable<(Parameter Parameter, Tensor Kept)> Forgets => [];

    /// <summary>After the last step. Default: nothing.</summary>
    public virtual void Finish()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what it holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>Where a training run stands.</summary>
/// <param name="Step">The step, from 0.</param>
/// <param name="TotalSteps">Count of steps of the run.</param>
/// <param name="LearningRate">Learning rate of the step.</param>
public readonly record struct TrainingPoint(long Step, long TotalSteps, double LearningRate)
{
    /// <summary>True for a step of the <see cref="TrainingLead"/>, which counts its own steps.</summary>
    public bool IsLead { get; init; }
}
