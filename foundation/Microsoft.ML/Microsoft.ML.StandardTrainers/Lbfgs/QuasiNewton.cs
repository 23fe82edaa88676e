namespace Microsoft.ML.Trainers;

/// <summary>
/// Limited memory BFGS for a smooth function plus absolute values: steps stay in the orthant the pseudo-gradient points to.
/// Each variable has its penalty, and may be bound to be no less than zero.
/// </summary>
internal sealed class QuasiNewton(int history, int maximumIterations, double tolerance, double[] penalties, bool[] nonNegative)
{
    private const int Halvings = 40;

    /// <summary>How much of the mean gain comes from the steps before the last.</summary>
    private const double Memory = 0.25;

    private readonly List<(double[] Step, double[] Change, double Product)> _pairs = [];

    private bool IsBound(int i) => penalties[i] > 0 || nonNegative[i];

    public double[] Minimize(double[] x, Func<double[], double[], double> function)
    {
        for (int i = 0; i < x.Length; i++)
            x[i] = nonNegative[i] ? Math.Max(0, x[i]) : x[i];
        var gradient = new double[x.Length];
        double value = function(x, gradient) + Penalty(x), gains = 0;
        for (int iteration = 1; iteration <= maximumIterations; iteration++)
        {
            var pseudo = PseudoGradient(x, gradient);
            var direction = Direction(x, pseudo);
            double slope = Dot(direction, pseudo);
            if (!(slope < 0))
                break;
            double step = _pairs.Count == 0 ? 1 / Math.Max(1, Math.Sqrt(Dot(pseudo, pseudo))) : 1;
            var next = new double[x.Length];
            var nextGradient = new double[x.Length];
            double nextValue = double.PositiveInfinity;
            for (int halving = 0; halving < Halvings; halving++, step /= 2)
            {
                Move(x, pseudo, direction, step, next);
                nextValue = function(next, nextGradient) + Penalty(next);
                if (nextValue <= value + 1e-4 * step * slope)
                    break;
            }
            if (!(nextValue < value))
                break;
            Remember(x, gradient, next, nextGradient);
            gains = value - nextValue + Memory * gains;
            (x, gradient, value) = (next, nextGradient, nextValue);
            if (gains * (1 - Memory) / (1 - Math.Pow(Memory, iteration)) < tolerance)
                break;
        }
        return x;
    }

    private double Penalty(double[] x)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += penalties[i] * Math.Abs(x[i]);
        return sum;
    }

    private double[] PseudoGradient(double[] x, double[] gradient)
    {
        var pseudo = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            double up = gradient[i] + penalties[i], down = gradient[i] - penalties[i];
            if (!IsBound(i))
                pseudo[i] = gradient[i];
            else if (x[i] != 0)
                pseudo[i] = x[i] > 0 ? up : down;
            else if (up < 0)
                pseudo[i] = up;
            else if (down > 0 && !nonNegative[i])
                pseudo[i] = down;
        }
        return pseudo;
    }

    /// <summary>The quasi-Newton direction; parts that would go uphill or across a border they stand at are left out.</summary>
    private double[] Direction(double[] x, double[] pseudo)
    {
        var d = pseudo.Select(g => -g).ToArray();
        var factors = new double[_pairs.Count];
        for (int k = _pairs.Count - 1; k >= 0; k--)
        {
            factors[k] = Dot(_pairs[k].Step, d) / _pairs[k].Product;
            Add(d, _pairs[k].Change, -factors[k]);
        }
        if (_pairs.Count > 0)
        {
            var (_, change, product) = _pairs[^1];
            double scale = product / Dot(change, change);
            for (int i = 0; i < d.Length; i++)
                d[i] *= scale;
        }
        for (int k = 0; k < _pairs.Count; k++)
            Add(d, _pairs[k].Step, factors[k] - Dot(_pairs[k].Change, d) / _pairs[k].Product);
        for (int i = 0; i < d.Length; i++)
        {
            if (IsBound(i) && d[i] * pseudo[i] >= 0)
                d[i] = 0;
        }
        return d;
    }

    /// <summary>A step that ends at zero where a bound part would change its sign.</summary>
    private void Move(double[] x, double[] pseudo, double[] direction, double step, double[] next)
    {
        for (int i = 0; i < x.Length; i++)
        {
            next[i] = x[i] + step * direction[i];
            double side = x[i] != 0 ? x[i] : -pseudo[i];
            if (IsBound(i) && next[i] * side < 0)
                next[i] = 0;
        }
    }

    private void Remember(double[] x, double[] gradient, double[] next, double[] nextGradient)
    {
        var step = next.Zip(x, (a, b) => a - b).ToArray();
        var change = nextGradient.Zip(gradient, (a, b) => a - b).ToArray();
        double product = Dot(step, change);
        if (product <= 1e-12 * Dot(change, change))
            return;
        _pairs.Add((step, change, product));
        if (_pairs.Count > history)
            _pairs.RemoveAt(0);
    }

    private static void Add(double[] x, double[] y, double factor)
    {
        for (int i = 0; i < x.Length; i++)
            x[i] += factor * y[i];
    }

    private static double Dot(double[] x, double[] y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += x[i] * y[i];
        return sum;
    }
}
