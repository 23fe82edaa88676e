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

public static class Case_7_searchspace_tuner_random_contextseed
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
        List<object> Go()
        {
            var seen = new List<object>();
            var ctx = new MLContext(1);
            var e = ctx.Auto().CreateExperiment().AddSearchSpace("p", new SearchSpace { ["x"] = new UniformDoubleOption(-1, 1), ["n"] = new UniformIntOption(1, 64, true, 4), ["c"] = new ChoiceOption("a", "b", "c") }).SetMaxModelToExplore(15).SetTrialRunner(new Runner(seen, q => ((Func<Microsoft.ML.SearchSpace.Parameter, double>)(q => Math.Pow(q["x"].AsType<double>() - 0.3, 2) + Math.Abs(q["n"].AsType<int>() - 12) / 64.0 + (q["c"].AsType<string>() == "b" ? 0 : 0.1)))(q["p"]), i => 100)).SetRandomSearchTuner();
            e.Run();
            return seen;
        }
        var one = Go(); var two = Go();
        bool same = R.Any(one).ToJsonString() == R.Any(two).ToJsonString();
        r.Value("repeatable", same);
        r.Value("trials", same ? one : one.Count);
    }
}
