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

public static class Case_7_searchspace_dynamic_space
{
    static object J(Microsoft.ML.SearchSpace.Parameter q) => System.Text.Json.Nodes.JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(q));

    public static void Run(MLContext ml, R r)
    {
        var ss = new SearchSpace { ["zeta"] = new UniformIntOption(1, 10), ["a"] = new ChoiceOption("x", "y", "z"), ["m"] = new UniformDoubleOption(0.1, 10, true) };
        var nested = new SearchSpace { ["q"] = new UniformSingleOption(0, 1), ["b"] = new ChoiceOption(1, 2) };
        ss.Add("nest", nested);
        r.Value("keys", ss.Keys); r.Value("dim", ss.FeatureSpaceDim); r.Value("default", ss.Default); r.Value("step", ss.Step);
        r.Value("sample", J(ss.SampleFromFeatureSpace(new[] { 0.1, 0.4, 0.7, 0.2, 0.9 }))); r.Value("sample2", J(ss.SampleFromFeatureSpace(new[] { 0.9, 0.7, 0.4, 0.8, 0.1 })));
        ss.Remove("a"); r.Value("removed", new { ss.FeatureSpaceDim, Keys = ss.Keys.ToArray(), J = J(ss.SampleFromFeatureSpace(new[] { 0.1, 0.4, 0.7, 0.2 })) });
        r.Try("sameKey", () => ss.Add("m", new UniformIntOption(0, 1))); r.Try("missingKey", () => ss["nope"]);
        r.Value("empty", new { new SearchSpace().FeatureSpaceDim, new SearchSpace().Default, S = J(new SearchSpace().SampleFromFeatureSpace(new double[0])) });
    }
}
