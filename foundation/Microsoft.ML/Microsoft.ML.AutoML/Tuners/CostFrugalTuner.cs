namespace Microsoft.ML.AutoML;

/// <summary>Starts at the default, which is meant to be cheap, and searches from there; anew once a search has converged.</summary>
internal sealed class CostFrugalTuner : ITuner
{
    private readonly SearchSpace.SearchSpace _space;
    private readonly Random _random;
    private readonly double[] _low;
    private readonly double[] _high;
    private DirectSearch _search;

    public CostFrugalTuner(SearchSpace.SearchSpace space, int? seed)
    {
        _space = space;
        _random = seed is int s ? new Random(s) : new Random();
        _low = space.MappingToFeatureSpace(space.SampleFromFeatureSpace(space.Default));
        _high = (double[])_low.Clone();
    }

    public SearchSpace.Parameter Propose(TrialSettings settings)
    {
        if (_search is not null)
            return _search.Suggest();
        // Between the starts so far; the numbers are drawn also where there is nothing between.
        return _space.SampleFromFeatureSpace(_low.Zip(_high, (low, high) => _random.NextDouble() * (high - low) + low).ToArray());
    }

    public void Update(TrialResult result)
    {
        var tried = result.TrialSettings.Parameter;
        if (_search is not null)
        {
            _search.Learn(tried, result.Loss);
            if (_search.IsConverged)
                _search = null;
            return;
        }
        _search = new DirectSearch(_space, tried, result.Loss, _random);
        var start = _space.MappingToFeatureSpace(tried);
        for (int i = 0; i < start.Length; i++)
        {
            _low[i] = Math.Min(_low[i], start[i]);
            _high[i] = Math.Max(_high[i], start[i]);
        }
    }
}
