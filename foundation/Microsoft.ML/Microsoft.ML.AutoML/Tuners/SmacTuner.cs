namespace Microsoft.ML.AutoML;

/// <summary>
/// Fits a forest to the losses so far and tries where it expects the greatest improvement, half of the time; random points else.
/// </summary>
/// <remarks>
/// Sequential model-based optimization of Hutter, Hoos and Leyton-Brown, LION 5, 2011. The forest is ours, so the proposals after the
/// initial population differ from the real library's, which fits its own with several threads.
/// </remarks>
internal sealed class SmacTuner : ITuner
{
    private const double Deviation = 0.2;
    private const int MostSteps = 1000;

    private readonly SearchSpace.SearchSpace _space;
    private readonly RandomTuner _random;
    private readonly Random _draw;
    private readonly List<TrialResult> _history = [];
    private readonly Queue<SearchSpace.Parameter> _candidates = new();

    public SmacTuner(SearchSpace.SearchSpace space, int? seed)
    {
        _space = space;
        _random = new RandomTuner(space, seed);
        _draw = seed is int s ? new Random(s) : new Random();
    }

    public int InitialPopulation { get; init; }

    public int TrialsPerModel { get; init; }

    public int Trees { get; init; }

    public int RowsPerLeaf { get; init; }

    public double FeatureShare { get; init; }

    public int Parents { get; init; }

    public int RandomCandidates { get; init; }

    public double Epsilon { get; init; }

    public int Neighbours { get; init; }

    public SearchSpace.Parameter Propose(TrialSettings settings)
    {
        if (_history.Count + _candidates.Count <= InitialPopulation)
            return _random.Next();
        if (_candidates.Count == 0)
        {
            foreach (var candidate in Candidates())
                _candidates.Enqueue(candidate);
        }
        return _candidates.Count > 0 ? _candidates.Dequeue() : _random.Next();
    }

    public void Update(TrialResult result)
    {
        if (double.IsFinite(result.Loss))
            _history.Add(result);
    }

    private IEnumerable<SearchSpace.Parameter> Candidates()
    {
        var forest = new RegressionForest(
            _history.Select(r => _space.MappingToFeatureSpace(r.TrialSettings.Parameter)).ToArray(), _history.Select(r => r.Loss).ToArray(),
            Trees, RowsPerLeaf, FeatureShare, _draw);
        double best = _history.Min(r => r.Loss);
        double Gain(SearchSpace.Parameter p) => forest.ExpectedImprovement(_space.MappingToFeatureSpace(p), best);

        var tried = _history.Select(r => r.TrialSettings.Parameter.ToString()).ToHashSet();
        var climbed = _history.OrderBy(r => r.Loss).Take(Parents).Select(r => Climb(r.TrialSettings.Parameter, Gain)).ToArray();
        var promising = climbed.Concat(Enumerable.Range(0, RandomCandidates).Select(_ => _random.Next()))
            .Select(p => (Parameter: p, Gain: Gain(p))).OrderByDescending(p => p.Gain)
            .Select(p => p.Parameter).Where(p => tried.Add(p.ToString())).Take(TrialsPerModel / 2).ToArray();
        return promising.Concat(Enumerable.Range(0, TrialsPerModel - promising.Length).Select(_ => _random.Next()));
    }

    /// <summary>Goes to the best neighbour as long as that gains something.</summary>
    private SearchSpace.Parameter Climb(SearchSpace.Parameter at, Func<SearchSpace.Parameter, double> gain)
    {
        double here = gain(at);
        for (int i = 0; i < MostSteps; i++)
        {
            var (next, there) = Around(at).Select(p => (p, gain(p))).DefaultIfEmpty((at, here)).MaxBy(p => p.Item2);
            if (there - here < Epsilon)
                break;
            (at, here) = (next, there);
        }
        return at;
    }

    /// <summary>Points that differ in one coordinate: the next value of a choice, several draws of a number.</summary>
    private IEnumerable<SearchSpace.Parameter> Around(SearchSpace.Parameter at)
    {
        var point = _space.MappingToFeatureSpace(at);
        // Spaces list a step also for a choice without alternative, which has no coordinate.
        var steps = _space.Step.Where(s => s != 1).ToArray();
        for (int d = 0; d < point.Length; d++)
        {
            int count = steps[d] is null ? Neighbours : 1;
            for (int j = 0; j < count; j++)
            {
                var moved = (double[])point.Clone();
                moved[d] = steps[d] is int step ? (point[d] + 1.0 / step) % 1.0 : Near(point[d]);
                yield return _space.SampleFromFeatureSpace(moved);
            }
        }
    }

    private double Near(double mean)
    {
        while (true)
        {
            double u = 1 - _draw.NextDouble(), v = _draw.NextDouble();
            double x = mean + Deviation * Math.Sqrt(-2 * Math.Log(u)) * Math.Sin(2 * Math.PI * v);
            if (x is >= 0 and <= 1)
                return x;
        }
    }
}
