using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Inputs.Vision;

/// <summary>Mixes each picture of a batch with another one, and their classes likewise.</summary>
public static class BatchMixing
{
    /// <summary>Mixup (Zhang et al., 2018): x·λ + x'·(1 − λ), where x' is the batch in reverse order and λ ~ Beta(α, α), one for the batch.</summary>
    /// <param name="values">Pixels (batch, channels, height, width), floating point.</param>
    /// <param name="classes">Probabilities of classes (batch, classes), such as one-hot rows.</param>
    /// <param name="alpha">Shape of the distribution, above 0; 0.2 changes little, 1 mixes evenly.</param>
    /// <param name="random">Where λ comes from.</param>
    /// <returns>Mixed pixels and probabilities, new tensors of the current dispose scope.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit each other, or <paramref name="alpha"/> is not above 0.</exception>
    public static (Tensor Values, Tensor Classes) MixUp(Tensor values, Tensor classes, double alpha, Random random)
    {
        Check(values, classes, alpha, random);
        var share = Beta(alpha, random);
        return ((values * share) + (values.flip(0) * (1 - share)), Mixed(classes, share));
    }

    /// <summary>CutMix (Yun et al., 2019): a rectangle of 1 − λ of the area is taken from the other picture, and the classes are mixed by the part that it really has.</summary>
    /// <param name="values">Pixels (batch, channels, height, width).</param>
    /// <param name="classes">Probabilities of classes (batch, classes).</param>
    /// <param name="alpha">Shape of the distribution of λ ~ Beta(α, α), above 0; 1 in the paper.</param>
    /// <param name="random">Where λ and the rectangle come from.</param>
    /// <returns>Mixed pixels and probabilities, new tensors of the current dispose scope.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit each other, or <paramref name="alpha"/> is not above 0.</exception>
    public static (Tensor Values, Tensor Classes) CutMix(Tensor values, Tensor classes, double alpha, Random random)
    {
        Check(values, classes, alpha, random);
        var side = Math.Sqrt(1 - Beta(alpha, random));
        var (top, bottom) = Stretch(values.shape[2], side, random);
        var (left, right) = Stretch(values.shape[3], side, random);
        var mixed = values.clone();
        if (bottom > top && right > left)
        {
            using var target = mixed.narrow(2, top, bottom - top).narrow(3, left, right - left);
            using var other = values.flip(0).narrow(2, top, bottom - top).narrow(3, left, right - left);
            target.copy_(other);
        }
        return (mixed, Mixed(classes, 1 - ((double)((bottom - top) * (right - left)) / (values.shape[2] * values.shape[3]))));
    }

    private static void Check(Tensor values, Tensor classes, double alpha, Random random)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentNullException.ThrowIfNull(random);
        Guard.Positive(alpha);
        if (values.dim() != 4 || classes.dim() != 2 || values.shape[0] != classes.shape[0])
        {
            throw new ArgumentException(
                $"The pixels have the shape ({string.Join(", ", values.shape)}) and the classes ({string.Join(", ", classes.shape)}); "
                + "they must be (batch, channels, height, width) and (batch, classes) of one batch.", nameof(values));
        }
    }

    private static Tensor Mixed(Tensor classes, double share) => (classes * share) + (classes.flip(0) * (1 - share));

    /// <summary>A stretch about a random middle, cut off at the rim.</summary>
    private static (long First, long End) Stretch(long length, double part, Random random)
    {
        var half = (long)(length * part) / 2;
        var middle = random.NextInt64(length);
        return (Math.Max(0, middle - half), Math.Min(length, middle + half));
    }

    /// <summary>Draws from Beta(α, α) as G1 / (G1 + G2) of two gamma variates.</summary>
    private static double Beta(double alpha, Random random)
    {
        var (first, second) = (LogGamma(alpha, random), LogGamma(alpha, random));
        return 1 / (1 + Math.Exp(second - first));
    }

    /// <summary>Logarithm of a gamma variate, by Marsaglia and Tsang (2000); of a shape below 1 the variate itself could be 0.</summary>
    private static double LogGamma(double shape, Random random)
    {
        if (shape < 1)
            return LogGamma(shape + 1, random) + (Math.Log(1 - random.NextDouble()) / shape);
        var d = shape - (1.0 / 3);
        var c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            var x = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            var v = Math.Pow(1 + (c * x), 3);
            if (v > 0 && Math.Log(1 - random.NextDouble()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v)))
                return Math.Log(d * v);
        }
    }
}
