namespace Microsoft.ML.AutoML;

/// <summary>Independent points, evenly spread over the space.</summary>
internal sealed class RandomTuner(SearchSpace.SearchSpace space, int? seed) : ITuner
{
    private readonly Random _random = seed is int s ? new Random(s) : new Random();

    public SearchSpace.Parameter Propose(TrialSettings settings) => Next();

    public SearchSpace.Parameter Next()
    {
        var point = new double[space.FeatureSpaceDim];
        for (int i = 0; i < point.Length; i++)
            point[i] = _random.NextDouble();
        return space.SampleFromFeatureSpace(point);
    }

    public void Update(TrialResult result)
    {
    }
}
