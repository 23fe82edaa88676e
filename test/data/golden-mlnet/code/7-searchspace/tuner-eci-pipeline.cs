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

public static class Case_7_searchspace_tuner_eci_pipeline
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
    static object J(Microsoft.ML.SearchSpace.Parameter q) => System.Text.Json.Nodes.JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(q)); public class Opt { [Range(0.0, 1.0, 0.25)] public double A { get; set; } = 0.5; [Choice("u", "v")] public string S { get; set; } = "u"; }

    public static void Run(MLContext ml, R r)
    {
        List<object> Go()
        {
            var seen = new List<object>();
            var ctx = new MLContext(1);
            SweepableEstimator E(string name, double lo, double hi) => ctx.Auto().CreateSweepableEstimator((m, o) => (IEstimator<ITransformer>)m.Transforms.CopyColumns("Out", "In"), new SearchSpace<Opt>());
            var pipe = E("a", 0, 1).Append(E("b", 0, 1), E("c", 0, 1));
            var e = ctx.Auto().CreateExperiment().SetPipeline(pipe).SetMaxModelToExplore(24).SetTrialRunner(new Runner(seen, q => 1.0 / (1 + R.Any(J(q)).ToJsonString().Sum(ch => ch) % 97), i => 50 + i)).SetEciCostFrugalTuner();
            e.Run();
            return seen;
        }
        r.Try("pipeline", () => { var one = Go(); var two = Go(); bool same = R.Any(one).ToJsonString() == R.Any(two).ToJsonString(); return new { Repeatable = same, Trials = same ? (object)one : one.Take(2) }; });
    }
}
