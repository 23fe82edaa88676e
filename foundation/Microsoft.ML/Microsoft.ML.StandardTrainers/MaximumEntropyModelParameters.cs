using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Base of models with a weight vector and a bias for each class.</summary>
public abstract class LinearMulticlassModelParametersBase : ModelParametersBase<VBuffer<float>>
{
    private protected LinearMulticlassModelParametersBase(float[][] weights, float[] biases)
    {
        Weights = weights;
        Biases = biases;
    }

    private protected float[][] Weights { get; }

    private protected float[] Biases { get; }

    public IEnumerable<float> GetBiases() => Biases.AsEnumerable();

    public void GetWeights(ref VBuffer<float>[] weights, out int numClasses)
    {
        numClasses = Weights.Length;
        weights = Weights.Select(w => new VBuffer<float>(w.Length, w.ToArray())).ToArray();
    }

    private protected void Linear(in VBuffer<float> features, float[] scores)
    {
        Contracts.Check(features.Length == Weights[0].Length);
        var values = features.GetValues();
        var indices = features.GetIndices();
        for (int k = 0; k < scores.Length; k++)
        {
            float sum = Biases[k];
            for (int i = 0; i < values.Length; i++)
                sum += values[i] * Weights[k][features.IsDense ? i : indices[i]];
            scores[k] = sum;
        }
    }
}

/// <summary>Multinomial logistic regression: scores are probabilities.</summary>
public sealed class MaximumEntropyModelParameters : LinearMulticlassModelParametersBase, IClassScorer
{
    internal MaximumEntropyModelParameters(float[][] weights, float[] biases) : base(weights, biases)
    {
    }

    void IClassScorer.Score(in VBuffer<float> features, float[] scores)
    {
        Linear(features, scores);
        float max = scores.Max(), sum = 0;
        for (int k = 0; k < scores.Length; k++)
            sum += scores[k] = MathF.Exp(scores[k] - max);
        for (int k = 0; k < scores.Length; k++)
            scores[k] /= sum;
    }
}
