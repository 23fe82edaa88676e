namespace Microsoft.ML.AutoML;

/// <summary>Chooses a pipeline by what an improvement is expected to cost, and its settings by a cost-frugal search of its own.</summary>
internal sealed class EciCostFrugalTuner : ITuner
{
    private readonly PipelineChoice _choice;
    private readonly SearchSpace.Parameter _defaults;
    private readonly Dictionary<string, CostFrugalTuner> _tuners;

    public EciCostFrugalTuner(SweepablePipeline pipeline, AutoMLExperiment.AutoMLExperimentSettings settings, IEnumerable<TrialResult> history)
    {
        _choice = new PipelineChoice(pipeline, settings.Seed);
        _defaults = settings.SearchSpace.SampleFromFeatureSpace(settings.SearchSpace.Default)[AutoMLExperiment.PipelineName];
        _tuners = pipeline.Schemas.ToDictionary(schema => schema, schema =>
        {
            var space = new SearchSpace.SearchSpace(settings.SearchSpace)
            {
                [AutoMLExperiment.PipelineName] = pipeline.BuildSweepableEstimatorPipeline(schema).SearchSpace,
            };
            return new CostFrugalTuner(space, settings.Seed);
        });
        foreach (var result in history)
            Update(result);
    }

    public SearchSpace.Parameter Propose(TrialSettings settings)
    {
        var parameter = _tuners[_choice.Next()].Propose(settings);
        // The real library puts the defaults of all steps beside the pipeline, where nobody reads them: part of the record.
        foreach (string name in _defaults.Keys.Where(name => !parameter.ContainsKey(name)))
            parameter[name] = _defaults[name];
        settings.Parameter = parameter;
        return parameter;
    }

    public void Update(TrialResult result)
    {
        string schema = result.TrialSettings.Parameter[AutoMLExperiment.PipelineName][SweepablePipeline.SchemaName].AsType<string>();
        _choice.Learn(schema, result);
        if (_tuners.TryGetValue(schema, out var tuner))
            tuner.Update(result);
    }
}
