using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>Direct consistency optimization: the adapted model is to come nearer to the target than the frozen one does, and is held back from
/// going further away from it than that takes.</summary>
/// <remarks>
/// <para><c>L = −log σ(−β·(ℓ − ℓ₀))</c>, where ℓ is the mean squared error of the adapted model's prediction and ℓ₀ that of the frozen model's, each over the whole
/// batch. It is ln 2 while both predict the same.</para>
/// <para>For diffusion models: prediction and target are the noise, or the velocity. Where a batch has a part for prior preservation, leave that part out of all
/// three and add its mean squared error.</para>
/// <para>Source: Lee et al. 2024, arXiv:2402.12004; the default of β as in TLoRA, Tao et al. 2025, arXiv:2501.08727.</para>
/// </remarks>
public static class DirectConsistencyLoss
{
    /// <summary>The loss, a scalar.</summary>
    /// <param name="prediction">What the adapted model predicts (batch, …).</param>
    /// <param name="reference">What the frozen model predicts of the same input; it gets no gradient.</param>
    /// <param name="target">What both are to predict.</param>
    /// <param name="beta">β: finite and above 0. Default 1000.</param>
    /// <param name="sampleWeights">Weights (batch) of the mean errors of the samples, for example by their noise; null for 1.</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    /// <exception cref="ArgumentOutOfRangeException">β is outside its range.</exception>
    public static Tensor Of(Tensor prediction, Tensor reference, Tensor target, double beta = 1000, Tensor? sampleWeights = null)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(target);
        Guard.Positive(beta);
        if (!prediction.shape.SequenceEqual(target.shape) || !reference.shape.SequenceEqual(target.shape))
        {
            throw new ArgumentException(
                $"The prediction has the shape ({string.Join(", ", prediction.shape)}), the reference ({string.Join(", ", reference.shape)}) and the target ({string.Join(", ", target.shape)}); they must be the same.");
        }

        if (sampleWeights is not null && (sampleWeights.dim() != 1 || sampleWeights.size(0) != target.size(0)))
        {
            throw new ArgumentException($"sampleWeights has the shape ({string.Join(", ", sampleWeights.shape)}); it must have one weight for each of the {target.size(0)} samples.", nameof(sampleWeights));
        }

        return nn.functional.logsigmoid((Error(prediction) - Error(reference.detach())).mul(-beta)).neg();

        Tensor Error(Tensor of)
        {
            var squares = (of - target).square();
            return sampleWeights is null ? squares.mean() : (squares.flatten(1).mean([1L]) * sampleWeights).mean();
        }
    }
}
