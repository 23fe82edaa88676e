namespace Microsoft.ML.AutoML;

/// <summary>Every point of a grid, the last coordinate fastest; then from the start again.</summary>
/// <remarks>
/// As in the real library, a choice without alternative takes a place in the grid although it has no coordinate: the options behind it,
/// in the order of names, get their neighbour's steps. A pipeline without choices between steps holds such a choice, as its first option.
/// </remarks>
internal sealed class GridTuner : ITuner
{
    private readonly SearchSpace.SearchSpace _space;
    private readonly int[] _steps;
    private readonly int[] _at;

    public GridTuner(SearchSpace.SearchSpace space, int step)
    {
        _space = space;
        _steps = space.Step.Select(s => s ?? step).ToArray();
        _at = new int[_steps.Length];
    }

    public SearchSpace.Parameter Propose(TrialSettings settings)
    {
        var point = _at.Zip(_steps, (i, n) => (double)i / n).ToArray();
        for (int i = _at.Length - 1; i >= 0; i--)
        {
            if (++_at[i] < _steps[i])
                break;
            _at[i] = 0;
        }
        return _space.SampleFromFeatureSpace(point);
    }

    public void Update(TrialResult result)
    {
    }
}
