using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>What DreamBooth trains a diffusion model with: pictures with noise of a level, what is to be found in them, and a loss that can keep what the model knew before.</summary>
/// <remarks>
/// <para><c>x_t = √ᾱ·x₀ + √(1 − ᾱ)·ε</c>, where x₀ is a picture or its latents, ε normal noise and ᾱ the share that the step t keeps. The model is to find ε, or the
/// velocity <c>√ᾱ·ε − √(1 − ᾱ)·x₀</c>.</para>
/// <para><c>L = mse(subject) + w·mse(class)</c>: a batch holds pictures of the subject and behind them as many of its class, made by the model before training.</para>
/// <para>Source: Ruiz et al. 2023, arXiv:2208.12242, §3; the form in which DiffuseKronA, arXiv:2402.17412, is trained.</para>
/// </remarks>
public static class DreamBooth
{
    /// <summary>Pictures with noise.</summary>
    /// <param name="clean">x₀ (batch, …).</param>
    /// <param name="noise">ε, of the same shape.</param>
    /// <param name="kept">ᾱ (batch), each from 0 to 1.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static Tensor Noisy(Tensor clean, Tensor noise, Tensor kept)
    {
        var (signal, rest) = Parts(clean, noise, kept);
        return (signal * clean) + (rest * noise);
    }

    /// <summary>The velocity, which models of v-prediction find in place of the noise.</summary>
    /// <inheritdoc cref="Noisy"/>
    public static Tensor Velocity(Tensor clean, Tensor noise, Tensor kept)
    {
        var (signal, rest) = Parts(clean, noise, kept);
        return (signal * noise) - (rest * clean);
    }

    /// <summary>The loss, a scalar.</summary>
    /// <param name="prediction">What the model finds (batch, …).</param>
    /// <param name="target">Noise or velocity, of the same shape.</param>
    /// <param name="priorWeight">w, above 0, where the second half of the batch is of the class; null where the whole batch is of the subject. Default null; the authors' is 1.</param>
    /// <exception cref="ArgumentException">The shapes differ, or the batch has no two halves.</exception>
    /// <exception cref="ArgumentOutOfRangeException">w is outside its range.</exception>
    public static Tensor Loss(Tensor prediction, Tensor target, double? priorWeight = null)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(target);
        if (!prediction.shape.SequenceEqual(target.shape) || target.dim() == 0)
        {
            throw new ArgumentException($"The prediction has the shape ({string.Join(", ", prediction.shape)}) and the target ({string.Join(", ", target.shape)}); they must be the same, with the batch first.");
        }

        if (priorWeight is not { } weight)
        {
            return Error(0, target.size(0));
        }

        Guard.Positive(weight, nameof(priorWeight));
        var rows = target.size(0);
        if (rows == 0 || rows % 2 != 0)
        {
            throw new ArgumentException($"The batch has {rows} rows; with a weight for the class it must have as many of the class as of the subject, in its second half.", nameof(target));
        }

        return Error(0, rows / 2) + Error(rows / 2, rows / 2).mul(weight);

        Tensor Error(long first, long count) => (prediction.narrow(0, first, count) - target.narrow(0, first, count)).square().mean();
    }

    // √ᾱ and √(1 − ᾱ), which spread over a row.
    private static (Tensor Signal, Tensor Noise) Parts(Tensor clean, Tensor noise, Tensor kept)
    {
        ArgumentNullException.ThrowIfNull(clean);
        ArgumentNullException.ThrowIfNull(noise);
        ArgumentNullException.ThrowIfNull(kept);
        if (!noise.shape.SequenceEqual(clean.shape) || kept.dim() != 1 || clean.dim() == 0 || kept.size(0) != clean.size(0))
        {
            throw new ArgumentException(
                $"The pictures have the shape ({string.Join(", ", clean.shape)}), the noise ({string.Join(", ", noise.shape)}) and what is kept ({string.Join(", ", kept.shape)}); the noise must be as the pictures, with one share for each.");
        }

        var each = kept.view([kept.size(0), .. Enumerable.Repeat(1L, (int)clean.dim() - 1)]);
        return (each.sqrt(), (1 - each).sqrt());
    }
}
