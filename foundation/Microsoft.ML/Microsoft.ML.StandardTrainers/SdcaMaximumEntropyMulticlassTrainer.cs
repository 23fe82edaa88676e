using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Trainers;

/// <summary>Multinomial logistic regression by stochastic dual coordinate ascent.</summary>
public sealed class SdcaMaximumEntropyMulticlassTrainer : SdcaMulticlassTrainerBase<MaximumEntropyModelParameters>
{
    private const int DefaultIterations = 100;

    private readonly Options _options;

    internal SdcaMaximumEntropyMulticlassTrainer(IHostEnvironment env, Options options)
        : base(env.Register(nameof(SdcaMaximumEntropyMulticlassTrainer)), options)
    {
        Contracts.CheckParam(options.L2Regularization is null or > 0, "L2Regularization", "L2 regularization must be positive");
        Contracts.CheckParam(options.L1Regularization is null or >= 0, "L1Regularization", "L1 regularization must be non-negative");
        Contracts.CheckParam(options.MaximumNumberOfIterations is null or > 0, "MaximumNumberOfIterations", "Max number of iterations must be positive");
        _options = options;
    }

    /// <summary>Options of this trainer.</summary>
    public sealed class Options : MulticlassOptions
    {
        public Options()
        {
        }
    }

    private protected override MulticlassPredictionTransformer<MaximumEntropyModelParameters> Train(IDataView input)
    {
        var rows = TrainingRows.Read(input, FeatureColumn.Name, LabelColumn.Name, WeightColumn.Name);
        int iterations = _options.MaximumNumberOfIterations ?? DefaultIterations;
        double l2 = _options.L2Regularization ?? Math.Max(1e-6, 20.0 / (Math.Max(2, iterations / 2) * (double)rows.Count));
        double threshold = (_options.L1Regularization ?? 0) / l2;
        var solver = new DualAscent(rows, l2, threshold);
        var order = Enumerable.Range(0, rows.Count).ToArray();
        for (int epoch = 0; epoch < iterations; epoch++)
        {
            if (_options.Shuffle)
                Shuffle(order);
            if (solver.Pass(order) < _options.ConvergenceTolerance * 1e-2)
                break;
        }
        var (weights, biases) = solver.Model();
        return new MulticlassPredictionTransformer<MaximumEntropyModelParameters>(new MaximumEntropyModelParameters(weights, biases),
            FeatureColumn.Name, input.Schema[FeatureColumn.Name].Type, input.Schema[LabelColumn.Name]);
    }

    private void Shuffle(int[] order)
    {
        for (int i = 0; i < order.Length; i++)
        {
            int other = i + Host.Rand.Next(order.Length - i);
            (order[i], order[other]) = (order[other], order[i]);
        }
    }

    /// <summary>
    /// Dual coordinate ascent of the softmax loss: each row keeps a distribution over the classes, which a step moves towards the predicted one;
    /// the primal weights are sums of rows weighed by how far their distribution is from their label.
    /// </summary>
    private sealed class DualAscent
    {
        private readonly TrainingRows _rows;
        private readonly double _scale;
        private readonly double _threshold;
        private readonly double[][] _dual;
        private readonly double[][] _sums;
        private readonly double[] _biases;
        private readonly double[] _scores;

        public DualAscent(TrainingRows rows, double l2, double threshold)
        {
            _rows = rows;
            _scale = 1 / (l2 * rows.Count);
            _threshold = threshold;
            _scores = new double[rows.Classes];
            _biases = new double[rows.Classes];
            _sums = Enumerable.Range(0, rows.Classes).Select(_ => new double[rows.Dimension]).ToArray();
            // A row begins at its own label: weights of zero.
            _dual = rows.Labels.Select(label =>
            {
                var d = new double[rows.Classes];
                d[label] = 1;
                return d;
            }).ToArray();
        }

        /// <summary>One pass over the rows; gives the mean change of the distributions.</summary>
        public double Pass(int[] order)
        {
            double moved = 0;
            foreach (int row in order)
                moved += Step(row);
            return moved / order.Length;
        }

        private double Weight(int k, int i) => Math.Sign(_sums[k][i]) * Math.Max(0, Math.Abs(_sums[k][i]) - _threshold);

        private double Step(int row)
        {
            var x = _rows.Features[row];
            var values = x.GetValues();
            var indices = x.GetIndices();
            double norm = 1;
            foreach (float v in values)
                norm += (double)v * v;
            double max = double.NegativeInfinity;
            for (int k = 0; k < _scores.Length; k++)
            {
                double s = _biases[k];
                for (int i = 0; i < values.Length; i++)
                    s += values[i] * Weight(k, x.IsDense ? i : indices[i]);
                _scores[k] = s;
                max = Math.Max(max, s);
            }
            double sum = 0;
            for (int k = 0; k < _scores.Length; k++)
                sum += _scores[k] = Math.Exp(_scores[k] - max);
            // The longest step that cannot lower the dual: the softmax is smooth with constant 1.
            double weight = _rows.Weights[row] * _scale;
            double step = 1 / (1 + norm * weight);
            double moved = 0;
            for (int k = 0; k < _scores.Length; k++)
            {
                double change = step * (_scores[k] / sum - _dual[row][k]);
                if (change == 0)
                    continue;
                _dual[row][k] += change;
                moved += Math.Abs(change);
                double delta = -change * weight;
                _biases[k] += delta;
                for (int i = 0; i < values.Length; i++)
                    _sums[k][x.IsDense ? i : indices[i]] += delta * values[i];
            }
            return moved;
        }

        public (float[][] Weights, float[] Biases) Model() =>
            (_sums.Select((s, k) => s.Select((_, i) => (float)Weight(k, i)).ToArray()).ToArray(), _biases.Select(b => (float)b).ToArray());
    }
}
