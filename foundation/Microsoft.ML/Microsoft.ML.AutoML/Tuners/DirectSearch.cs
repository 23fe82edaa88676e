namespace Microsoft.ML.AutoML;

/// <summary>
/// Walks downhill without gradients: a random direction, then the opposite one; longer steps after a success, shorter ones after many failures.
/// </summary>
/// <remarks>FLOW² of Wu, Wang and Huang, Frugal Optimization for Cost-related Hyperparameters, AAAI 2021, with the real library's constants.</remarks>
internal sealed class DirectSearch
{
    private const double FirstStep = 0.1;
    private const double ShortestStep = 1e-4;
    private const double Pace = 1.5;

    private readonly SearchSpace.SearchSpace _space;
    private readonly Random _random;
    private readonly double _longestStep;
    private double[] _incumbent;
    private double[] _direction;
    private double _bestLoss;
    private double _step;
    private int _patience;

    public DirectSearch(SearchSpace.SearchSpace space, SearchSpace.Parameter start, double loss, Random random)
    {
        _space = space;
        _random = random;
        _incumbent = space.MappingToFeatureSpace(start);
        _bestLoss = loss;
        // The number of options, not of coordinates, sets the scale.
        _longestStep = Math.Sqrt(space.Count);
        _step = FirstStep * _longestStep;
        _patience = 2 * space.Count;
    }

    public bool IsConverged => _step < ShortestStep;

    public SearchSpace.Parameter Suggest()
    {
        _patience--;
        double sign = 1;
        double[] direction;
        if (_direction is null)
            direction = _direction = RandomDirection();
        else
        {
            direction = _direction;
            sign = -1;
            _direction = null;
        }
        return _space.SampleFromFeatureSpace(_incumbent.Zip(direction, (x, d) => Inside(x + sign * d)).ToArray());
    }

    public void Learn(SearchSpace.Parameter tried, double loss)
    {
        if (loss < _bestLoss)
        {
            _bestLoss = loss;
            _incumbent = _space.MappingToFeatureSpace(tried);
            _patience = 2 * _space.Count;
            _step = Math.Min(_step * Pace, _longestStep);
            _direction = null;
        }
        else if (_patience == 0)
        {
            _patience = 2;
            if (!IsConverged)
                _step /= Pace;
        }
    }

    private static double Inside(double x) => x < 0 ? 0 : x > 1 ? 0.99999999 : x;

    private double[] RandomDirection()
    {
        var direction = new double[_space.FeatureSpaceDim];
        for (int i = 0; i < direction.Length; i++)
            direction[i] = Normal();
        double scale = _step / Math.Sqrt(direction.Sum(x => x * x));
        return direction.Select(x => x * scale).ToArray();
    }

    // Box and Muller's transform, its second half unused.
    private double Normal()
    {
        double u = 1 - _random.NextDouble(), v = 1 - _random.NextDouble();
        return Math.Sqrt(-2 * Math.Log(u)) * Math.Sin(2 * Math.PI * v);
    }
}
