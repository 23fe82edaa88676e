using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Multinomial logistic regression by L-BFGS, with weights of zero where the L1 term says so.</summary>
public sealed class LbfgsMaximumEntropyMulticlassTrainer : LbfgsTrainerBase<LbfgsMaximumEntropyMulticlassTrainer.Options,
    MulticlassPredictionTransformer<MaximumEntropyModelParameters>, MaximumEntropyModelParameters>
{
    private readonly Options _options;

    internal LbfgsMaximumEntropyMulticlassTrainer(IHostEnvironment env, Options options)
        : base(env.Register(nameof(LbfgsMaximumEntropyMulticlassTrainer)), MulticlassShapes.Features(options.FeatureColumnName),
            MulticlassShapes.Label(options.LabelColumnName), MulticlassShapes.Weight(options.ExampleWeightColumnName))
    {
        Contracts.CheckParam(options.L2Regularization >= 0, nameof(options.L2Regularization), "Must be non-negative");
        Contracts.CheckParam(options.L1Regularization >= 0, nameof(options.L1Regularization), "Must be non-negative");
        Contracts.CheckParam(options.OptimizationTolerance > 0, nameof(options.OptimizationTolerance), "Must be positive");
        Contracts.CheckParam(options.HistorySize > 0, nameof(options.HistorySize), "Must be positive");
        Contracts.CheckParam(options.MaximumNumberOfIterations > 0, nameof(options.MaximumNumberOfIterations), "Must be positive");
        if (options.EnforceNonNegativity)
            throw Contracts.ExceptNotSupp("LbfgsMaximumEntropy: enforceNonNegativity is not supported by the bundled foundation");
        _options = options;
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : OptionsBase
    {
        public Options()
        {
        }
    }

    private protected override SchemaShape.Column[] OutputColumns(SchemaShape inputSchema) => MulticlassShapes.Outputs(inputSchema, LabelColumn.Name);

    private protected override MulticlassPredictionTransformer<MaximumEntropyModelParameters> Train(IDataView input)
    {
        var rows = TrainingRows.Read(input, FeatureColumn.Name, LabelColumn.Name, WeightColumn.Name);
        int stride = rows.Dimension + 1;
        double total = rows.Weights.Sum(w => (double)w);
        var penalties = new double[rows.Classes * stride];
        for (int i = 0; i < penalties.Length; i++)
            penalties[i] = i % stride == 0 ? 0 : _options.L1Regularization / total;
        var solver = new QuasiNewton(_options.HistorySize, _options.MaximumNumberOfIterations, _options.OptimizationTolerance, penalties);
        var x = solver.Minimize(new double[penalties.Length], (w, gradient) => Loss(rows, w, gradient, total));
        var weights = Enumerable.Range(0, rows.Classes).Select(k => x.Skip(k * stride + 1).Take(rows.Dimension).Select(v => (float)v).ToArray()).ToArray();
        var biases = Enumerable.Range(0, rows.Classes).Select(k => (float)x[k * stride]).ToArray();
        return new MulticlassPredictionTransformer<MaximumEntropyModelParameters>(new MaximumEntropyModelParameters(weights, biases),
            FeatureColumn.Name, input.Schema[FeatureColumn.Name].Type, input.Schema[LabelColumn.Name]);
    }

    /// <summary>The mean log loss and the L2 term of the weights, not of the biases, which stand first in each class's part.</summary>
    private double Loss(TrainingRows rows, double[] w, double[] gradient, double total)
    {
        Array.Clear(gradient);
        int stride = rows.Dimension + 1;
        var scores = new double[rows.Classes];
        double loss = 0;
        for (int row = 0; row < rows.Count; row++)
        {
            var x = rows.Features[row];
            var values = x.GetValues();
            var indices = x.GetIndices();
            for (int k = 0; k < scores.Length; k++)
            {
                double s = w[k * stride];
                for (int i = 0; i < values.Length; i++)
                    s += values[i] * w[k * stride + 1 + (x.IsDense ? i : indices[i])];
                scores[k] = s;
            }
            double max = scores.Max(), sum = scores.Sum(s => Math.Exp(s - max));
            loss += rows.Weights[row] * (Math.Log(sum) + max - scores[rows.Labels[row]]);
            for (int k = 0; k < scores.Length; k++)
            {
                double error = rows.Weights[row] * (Math.Exp(scores[k] - max) / sum - (k == rows.Labels[row] ? 1 : 0));
                gradient[k * stride] += error;
                for (int i = 0; i < values.Length; i++)
                    gradient[k * stride + 1 + (x.IsDense ? i : indices[i])] += error * values[i];
            }
        }
        for (int i = 0; i < w.Length; i++)
        {
            if (i % stride != 0)
            {
                loss += 0.5 * _options.L2Regularization * w[i] * w[i];
                gradient[i] += _options.L2Regularization * w[i];
            }
            gradient[i] /= total;
        }
        return loss / total;
    }
}
