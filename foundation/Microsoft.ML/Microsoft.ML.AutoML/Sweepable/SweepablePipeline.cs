using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.SearchSpace.Option;

namespace Microsoft.ML.AutoML;

/// <summary>Steps with spaces of settings, and choices between steps.</summary>
public class SweepablePipeline : ISweepable<EstimatorChain<ITransformer>>
{
    internal const string SchemaName = "_SCHEMA_";

    private readonly Entity _schema;
    private string _currentSchema;

    internal SweepablePipeline() => Estimators = [];

    private SweepablePipeline(Dictionary<string, SweepableEstimator> estimators, Entity schema, string currentSchema)
    {
        Estimators = estimators;
        _schema = schema;
        _currentSchema = currentSchema;
    }

    public Dictionary<string, SweepableEstimator> Estimators { get; }

    /// <summary>The pipelines that it can become, written as expressions.</summary>
    internal string[] Schemas => _schema.Terms().Select(t => t.ToString()).ToArray();

    public SearchSpace.SearchSpace SearchSpace
    {
        get
        {
            var space = new SearchSpace.SearchSpace();
            foreach (var (name, estimator) in Estimators)
                space.Add(name, estimator.SearchSpace);
            space.Add(SchemaName, new ChoiceOption(Schemas));
            return space;
        }
    }

    public SearchSpace.Parameter CurrentParameter
    {
        get
        {
            var all = Microsoft.ML.SearchSpace.Parameter.CreateNestedParameter();
            foreach (var (index, estimator) in Estimators.Values.Index())
            {
                if (estimator.Parameter is { } parameter)
                    all[index.ToString()] = parameter;
            }
            all[SchemaName] = Microsoft.ML.SearchSpace.Parameter.FromString(_currentSchema);
            return all;
        }
    }

    public EstimatorChain<ITransformer> BuildFromOption(MLContext context, SearchSpace.Parameter parameter)
    {
        _currentSchema = parameter[SchemaName].AsType<string>();
        var chain = new EstimatorChain<ITransformer>();
        foreach (string name in Entity.FromExpression(_currentSchema).Names)
            chain = chain.Append(Estimators[name].BuildFromOption(context, parameter[name]));
        return chain;
    }

    /// <summary>One of the pipelines that it can become.</summary>
    public SweepablePipeline BuildSweepableEstimatorPipeline(string schema)
    {
        var entity = Entity.FromExpression(schema);
        return new SweepablePipeline(entity.Names.ToDictionary(n => n, n => Estimators[n]), entity, schema);
    }

    /// <summary>Adds a step; several are a choice between them.</summary>
    public SweepablePipeline Append(params ISweepable<IEstimator<ITransformer>>[] sweepables)
    {
        Contracts.CheckValue(sweepables, nameof(sweepables));
        Contracts.CheckParam(sweepables.Length > 0, nameof(sweepables), "At least one sweepable is needed");
        var estimators = new Dictionary<string, SweepableEstimator>(Estimators);
        Entity step = null;
        foreach (var sweepable in sweepables)
        {
            var part = sweepable switch
            {
                SweepableEstimator estimator => new NameEntity(NewName(estimators, estimator)),
                SweepablePipeline { _schema: { } theirs } pipeline => theirs.Renamed(name => NewName(estimators, pipeline.Estimators[name])),
                _ => throw Contracts.ExceptParam(nameof(sweepables), $"{sweepable?.GetType().Name ?? "null"} is neither a SweepableEstimator nor a SweepablePipeline with steps"),
            };
            step = step is null ? part : step + part;
        }
        var schema = _schema is null ? step : _schema * step;
        return new SweepablePipeline(estimators, schema, schema.Terms().First().ToString());
    }

    private static string NewName(Dictionary<string, SweepableEstimator> estimators, SweepableEstimator estimator)
    {
        string name = "e" + estimators.Count;
        estimators.Add(name, estimator);
        return name;
    }

    /// <summary>The kinds of the steps that an experiment's parameter chooses.</summary>
    public string ToString(SearchSpace.Parameter parameter)
    {
        if (!parameter.TryGetValue(AutoMLExperiment.PipelineName, out var chosen))
            return "";
        return string.Join("=>", Entity.FromExpression(chosen[SchemaName].AsType<string>()).Names.Select(n => Estimators[n].EstimatorType));
    }
}
