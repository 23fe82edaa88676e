namespace Microsoft.ML.Trainers;

/// <summary>What dual coordinate ascent minimises and how.</summary>
/// <param name="Loss">The loss of one score.</param>
/// <param name="L2">The weight of half the squared norm of weights and regularised biases, beside the mean loss.</param>
/// <param name="L1Threshold">By how much weights are drawn towards zero: the L1 weight over the L2 weight.</param>
/// <param name="BiasLearningRate">How fast the part of the bias that is not regularised learns; at 0 the whole bias is regularised.</param>
/// <param name="RowWeight">The weight of a row.</param>
internal sealed record DualProblem(ISupportSdcaLoss Loss, double L2, double L1Threshold, double BiasLearningRate, Func<int, double> RowWeight);

/// <summary>
/// Dual coordinate ascent: every row has dual variables that are moved one after the other to where the dual objective is highest; the weights
/// are the sums of the rows times them, drawn towards zero by the L1 threshold.
/// </summary>
internal abstract class DualAscent
{
    private readonly double[][] _sums;
    private readonly double[] _biasSums;

    protected DualAscent(TrainingRows rows, DualProblem problem, int outputs)
    {
        Rows = rows;
        Problem = problem;
        Scale = 1 / (problem.L2 * rows.Count);
        Weights = Enumerable.Range(0, outputs).Select(_ => new double[rows.Dimension]).ToArray();
        _sums = problem.L1Threshold == 0 ? Weights : Weights.Select(w => new double[w.Length]).ToArray();
        Biases = new double[outputs];
        FreeBiases = new double[outputs];
        _biasSums = new double[outputs];
        Norms = new double[rows.Count];
        Invariants = new float[rows.Count];
        for (int i = 0; i < rows.Count; i++)
        {
            Norms[i] = FeatureMath.NormSquared(rows.Features(i)) + (problem.BiasLearningRate == 0 ? 1 : 0);
            Invariants[i] = problem.Loss.ComputeDualUpdateInvariant((float)(NormFactor * Norms[i] * Scale * problem.RowWeight(i)));
        }
    }

    protected TrainingRows Rows { get; }

    protected DualProblem Problem { get; }

    /// <summary>How far one unit of a dual variable moves the weights.</summary>
    protected double Scale { get; }

    protected double[][] Weights { get; }

    protected double[] Biases { get; }

    protected double[] FreeBiases { get; }

    protected double[] Norms { get; }

    protected float[] Invariants { get; }

    /// <summary>How many times the norm of a row a step of one of its dual variables moves its score.</summary>
    protected abstract double NormFactor { get; }

    protected double Score(int row, int output) =>
        Biases[output] + FreeBiases[output] + FeatureMath.Dot(Weights[output], Rows.Features(row));

    /// <summary>What is taken from a dual step to draw the regularised bias towards zero.</summary>
    protected double Adjustment(int output) =>
        Problem.BiasLearningRate * Problem.L2 * (Problem.L1Threshold == 0 ? Biases[output] : _biasSums[output]);

    private double Shrink(double x) => Math.Sign(x) * Math.Max(0, Math.Abs(x) - Problem.L1Threshold);

    /// <summary>Adds a multiple of a row to the weights of an output.</summary>
    protected void Move(int row, int output, double amount)
    {
        if (amount == 0)
            return;
        var features = Rows.Features(row);
        FeatureMath.AddScaled(_sums[output], amount, features);
        _biasSums[output] += amount;
        if (Problem.L1Threshold == 0)
        {
            Biases[output] = _biasSums[output];
            return;
        }
        if (Problem.BiasLearningRate == 0)
            Biases[output] = Shrink(_biasSums[output]);
        if (features.IsDense)
        {
            for (int i = 0; i < Weights[output].Length; i++)
                Weights[output][i] = Shrink(_sums[output][i]);
            return;
        }
        foreach (int i in features.GetIndices())
            Weights[output][i] = Shrink(_sums[output][i]);
    }

    /// <summary>Moves the dual variables of one row.</summary>
    public abstract void Step(int row);

    /// <summary>The losses of a row in the primal and in the dual objective.</summary>
    protected abstract (double Primal, double Dual) LossOf(int row);

    /// <summary>The primal objective, and how far the dual one is below it.</summary>
    public (double Primal, double Gap) Measure()
    {
        double primal = 0, dual = 0;
        for (int i = 0; i < Rows.Count; i++)
        {
            var (p, d) = LossOf(i);
            primal += Problem.RowWeight(i) * p;
            dual += Problem.RowWeight(i) * d;
        }
        double norm = 0, absolute = 0, free = 0;
        for (int k = 0; k < Weights.Length; k++)
        {
            foreach (double w in Weights[k])
            {
                norm += w * w;
                absolute += Math.Abs(w);
            }
            norm += Biases[k] * Biases[k];
            absolute += Math.Abs(Biases[k]);
            free += Biases[k] * FreeBiases[k];
        }
        double l2 = Problem.L2 * norm / 2;
        double value = primal / Rows.Count + l2 + Problem.L1Threshold * Problem.L2 * absolute;
        return (value, value - (dual / Rows.Count - l2 - Problem.L2 * free));
    }

    public (float[][] Weights, float[] Biases) Snapshot() =>
        (Weights.Select(w => FeatureMath.ToSingle(w)).ToArray(), Biases.Zip(FreeBiases, (r, f) => (float)(r + f)).ToArray());
}

/// <summary>One score and one dual variable a row: two classes and numbers.</summary>
internal sealed class ScalarDualAscent(TrainingRows rows, DualProblem problem) : DualAscent(rows, problem, 1)
{
    private readonly float[] _duals = new float[rows.Count];

    protected override double NormFactor => 1;

    public override void Step(int row)
    {
        double adjustment = Adjustment(0);
        double change = Problem.Loss.DualUpdate((float)Score(row, 0), Rows.Label(row), _duals[row], Invariants[row], 1) - adjustment;
        _duals[row] += (float)change;
        double unit = Scale * Problem.RowWeight(row);
        FreeBiases[0] += adjustment * unit;
        Move(row, 0, change * unit);
    }

    protected override (double Primal, double Dual) LossOf(int row) =>
        (Problem.Loss.Loss((float)Score(row, 0), Rows.Label(row)), Problem.Loss.DualLoss(Rows.Label(row), _duals[row]));
}

/// <summary>A score a class; the loss is that of the label's score minus each other one, with a dual variable for each of those.</summary>
internal sealed class MulticlassDualAscent(TrainingRows rows, DualProblem problem) : DualAscent(rows, problem, rows.Classes)
{
    private readonly float[] _duals = new float[checked(rows.Count * rows.Classes)];

    protected override double NormFactor => 2;

    public override void Step(int row)
    {
        int label = (int)Rows.Label(row), at = row * Rows.Classes;
        double own = Score(row, label), unit = Scale * Problem.RowWeight(row), ownChange = 0, ownAdjustment = 0;
        for (int k = 0; k < Rows.Classes; k++)
        {
            if (k == label)
                continue;
            // The label's weights are moved at the end; until then its score is told what is coming.
            double margin = own + ownChange * Norms[row] - Score(row, k), adjustment = Adjustment(k);
            double change = Problem.Loss.DualUpdate((float)margin, 1, _duals[at + k], Invariants[row], 1) - adjustment;
            _duals[at + k] += (float)change;
            ownChange += change * unit;
            ownAdjustment -= adjustment;
            FreeBiases[k] += adjustment * unit;
            Move(row, k, -change * unit);
        }
        FreeBiases[label] += ownAdjustment * unit;
        Move(row, label, ownChange);
    }

    protected override (double Primal, double Dual) LossOf(int row)
    {
        int label = (int)Rows.Label(row);
        double own = Score(row, label), primal = 0, dual = 0;
        for (int k = 0; k < Rows.Classes; k++)
        {
            if (k == label)
                continue;
            primal += Problem.Loss.Loss((float)(own - Score(row, k)), 1);
            dual += Problem.Loss.DualLoss(1, _duals[row * Rows.Classes + k]);
        }
        return (primal, dual);
    }
}
