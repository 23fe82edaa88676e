namespace Microsoft.ML.Trainers;

/// <summary>
/// Limited memory BFGS for a smooth function plus absolute values: steps stay in the orthant the pseudo-gradient points to.
/// </summary>
internal sealed class QuasiNewton(int history, int maximumIterations, double tolerance, double[] penalties)
{
    /// <summary>Enough for any problem that converges at all.</summary>
    private const int IterationLimit = 1000;

    private readonly List<(double[] Step, double[] Change, double Product)> _pairs = [];

    public double[] Minimize(double[] x, Func<double[], double[], double> function)
    {
        var gradient = new double[x.Length];
        double value = function(x, gradient) + Penalty(x);
        for (int iteration = 0; iteration < Math.Min(maximumIterations, IterationLimit); iteration++)
        {
            var pseudo = PseudoGradient(x, gradient);
            var direction = Direction(pseudo);
            double slope = Dot(direction, pseudo);
            if (!(slope < 0))
                break;
            double step = _pairs.Count == 0 ? 1 / Math.Max(1, Math.Sqrt(Dot(pseudo, pseudo))) : 1;
            var next = new double[x.Length];
            var nextGradient = new double[x.Length];
            double nextValue = double.PositiveInfinity;
            for (int halving = 0; halving < 40; halving++, step /= 2)
            {
                Move(x, pseudo, direction, step, next);
                nextValue = function(next, nextGradient) + Penalty(next);
                if (nextValue <= value + 1e-4 * step * slope)
                    break;
            }
            if (!(nextValue < value))
                break;
            Remember(x, gradient, next, nextGradient);
            double gain = value - nextValue;
            (x, gradient, value) = (next, nextGradient, nextValue);
            if (gain <= tolerance * Math.Max(1, Math.Abs(value)))
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
            double g = gradient[i], p = penalties[i];
            pseudo[i] = x[i] > 0 ? g + p : x[i] < 0 ? g - p : g + p < 0 ? g + p : g - p > 0 ? g - p : 0;
        }
        return pseudo;
    }

    /// <summary>The quasi-Newton direction; parts that would go uphill are left out.</summary>
    private double[] Direction(double[] pseudo)
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
            if (penalties[i] > 0 && d[i] * pseudo[i] >= 0)
                d[i] = 0;
        }
        return d;
    }

    /// <summary>A step that ends at zero where a penalised part would change its sign.</summary>
    private void Move(double[] x, double[] pseudo, double[] direction, double step, double[] next)
    {
        for (int i = 0; i < x.Length; i++)
        {
            next[i] = x[i] + step * direction[i];
            double side = x[i] != 0 ? x[i] : -pseudo[i];
            if (penalties[i] > 0 && next[i] * side < 0)
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
