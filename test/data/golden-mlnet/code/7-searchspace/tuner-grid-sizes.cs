// Recorded with the real library: see the README of this folder.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.AutoML;
using Microsoft.ML.Data;
using Microsoft.ML.SearchSpace;
using Microsoft.ML.SearchSpace.Option;
using Microsoft.ML.Transforms;
using GoldenContracts;
using SearchSpace = Microsoft.ML.SearchSpace.SearchSpace;

public static class Case_7_searchspace_tuner_grid_sizes
{
    public class Runner : ITrialRunner
    {
        readonly List<object> _seen; readonly Func<Microsoft.ML.SearchSpace.Parameter, double> _metric; readonly Func<int, double> _ms;
        public Runner(List<object> seen, Func<Microsoft.ML.SearchSpace.Parameter, double> metric, Func<int, double> ms) { _seen = seen; _metric = metric; _ms = ms; }
        public System.Threading.Tasks.Task<TrialResult> RunAsync(TrialSettings s, System.Threading.CancellationToken ct)
        {
            double m = _metric(s.Parameter);
            _seen.Add(new { s.TrialId, Parameter = J(s.Parameter), Metric = m });
            return System.Threading.Tasks.Task.FromResult(new TrialResult { Metric = m, Loss = m, TrialSettings = s, DurationInMilliseconds = _ms(s.TrialId) });
        }
        public void Dispose() { }
    }
    static object J(Microsoft.ML.SearchSpace.Parameter q) => System.Text.Json.Nodes.JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(q));

    public static void Run(MLContext ml, R r)
    {
        foreach (var (name, option, steps) in new (string, OptionBase, int)[] { ("int", new UniformIntOption(0, 10), 3), ("int", new UniformIntOption(0, 10), 20), ("intlog", new UniformIntOption(1, 100, true), 5), ("double", new UniformDoubleOption(0, 1), 4), ("doublelog", new UniformDoubleOption(0.01, 100, true), 5), ("choice", new ChoiceOption("a", "b", "c"), 2), ("choice", new ChoiceOption("a", "b", "c"), 10), ("bool", new ChoiceOption(true, false), 5), ("one", new ChoiceOption("z"), 5) })
        {
            var seen = new List<object>();
            new MLContext(1).Auto().CreateExperiment().AddSearchSpace("p", new SearchSpace { ["v"] = option }).SetMaxModelToExplore(14).SetTrialRunner(new Runner(seen, q => 1, i => 1)).SetGridSearchTuner(steps).Run();
            r.Value(name + " step " + steps, seen.Select(x => R.Any(x)["Parameter"]["p"]["v"].DeepClone()).ToArray());
        }
    }
}
