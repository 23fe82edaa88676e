using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What a method measures of the base model on some batches before the first step, and the start that it makes of it.</summary>
/// <remarks>The order of a batch: <see cref="BeforeBatch"/>, a forward pass of the base model with <see cref="Recorders"/> on it, with
/// <see cref="NeedsGradients"/> a backward pass, <see cref="AfterBatch"/>. At the end <see cref="Finish"/>, once.</remarks>
public abstract class AdapterCalibration : IDisposable
{
    /// <summary>Rows of a batch.</summary>
    public abstract int BatchSize { get; }

    /// <summary>Parts that are active while the base model is measured.</summary>
    public abstract IReadOnlyList<Adapter> Recorders { get; }

    /// <summary>True where the batches need targets, and their loss a backward pass. Default false.</summary>
    public virtual bool NeedsGradients => false;

    /// <summary>False where everything is known already, so that no batch is needed. Default true.</summary>
    public virtual bool NeedsBatches => true;

    /// <summary>True where the batches are to come again from the first one until enough was seen. Default false.</summary>
    public virtual bool Repeats => false;

    /// <summary>A batch is about to pass. Default: nothing.</summary>
    /// <param name="inputs">What the model is given.</param>
    /// <param name="targets">What it should say, or null.</param>
    public virtual void BeforeBatch(ModelInputs inputs, Targets? targets)
    {
    }

    /// <summary>A batch has passed.</summary>
    /// <returns>What to do next.</returns>
    public abstract CalibrationStep AfterBatch();

    /// <summary>Puts the start into the adapter.</summary>
    /// <returns>What a user should know, one sentence each.</returns>
    /// <exception cref="PeftException">What was measured is not enough, or no number.</exception>
    public abstract IReadOnlyList<string> Finish();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the recorders, and in a derived class what it holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
        foreach (var recorder in disposing ? Recorders : [])
        {
            recorder.Dispose();
        }
    }
}

/// <summary>What comes after a batch of a calibration.</summary>
public enum CalibrationStep
{
    /// <summary>The next batch.</summary>
    Next,

    /// <summary>The same batch again.</summary>
    Again,

    /// <summary>Nothing: enough was seen.</summary>
    Enough,
}
