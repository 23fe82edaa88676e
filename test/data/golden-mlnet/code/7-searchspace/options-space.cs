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

public static class Case_7_searchspace_options_space
{
    public enum Kind { Small, Medium, Large }
    public class Inner { [Range(1e-6f, 1f, 1e-3f, true)] public float Rate { get; set; } = 0.5f; [Choice("adam", "sgd")] public string Optimizer { get; set; } = "sgd"; }
    public class Options
    {
        [Range(1, 100, 10)] public int Trees { get; set; } = 7;
        [Range(2, 1024, 4, true)] public int Leaves { get; set; } = 20;
        [Range(-1f, 1f)] public float Shift { get; set; } = 0.25f;
        [Range(0.001, 10.0, 0.1, true)] public double Scale { get; set; } = 1;
        [Range(5L, 50L)] public long Big { get; set; } = 6;
        [Choice(3, 5, 9)] public int Window { get; set; } = 5;
        [Choice("a", "b", "c", "d")] public string Mode { get; set; } = "b";
        [Choice(true, false)] public bool Picked { get; set; } = false;
        [BooleanChoice] public bool Flag { get; set; } = true;
        [BooleanChoice(false)] public bool Off { get; set; }
        [NestOption] public Inner Nested { get; set; } = new Inner();
        public string Constant { get; set; } = "kept"; public int[] Shape = new[] { 1, 2 };
    }
    static object J(Microsoft.ML.SearchSpace.Parameter q) => System.Text.Json.Nodes.JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(q));

    public static void Run(MLContext ml, R r)
    {
        var ss = new SearchSpace<Options>();
        r.Value("keys", ss.Keys); r.Value("kinds", ss.ToDictionary(x => x.Key, x => x.Value.GetType().Name));
        r.Value("featureSpaceDim", ss.FeatureSpaceDim); r.Value("default", ss.Default); r.Value("step", ss.Step);
        r.Value("perOption", ss.ToDictionary(x => x.Key, x => new { x.Value.FeatureSpaceDim, x.Value.Default, x.Value.Step }));
        r.Try("sampleDefault", () => J(((SearchSpace)ss).SampleFromFeatureSpace(ss.Default)));
        r.Try("sampleDefaultTyped", () => ss.SampleFromFeatureSpace(ss.Default));
        foreach (var v in new[] { 0, 0.1, 0.25, 1 / 3.0, 0.5, 0.66, 0.75, 0.9, 0.999, 1 })
            r.Try("all " + v.ToString("R"), () => { var x = Enumerable.Repeat(v, ss.FeatureSpaceDim).ToArray(); var q = ((SearchSpace)ss).SampleFromFeatureSpace(x); return new { Parameter = J(q), Back = ((SearchSpace)ss).MappingToFeatureSpace(q) }; });
        foreach (var k in Enumerable.Range(0, 6))
            r.Try("ramp " + k, () => { var x = Enumerable.Range(0, ss.FeatureSpaceDim).Select(i => ((i * 7 + k * 3) % 16) / 16.0).ToArray(); var q = ((SearchSpace)ss).SampleFromFeatureSpace(x); return new { Vector = x, Parameter = J(q), Back = ((SearchSpace)ss).MappingToFeatureSpace(q) }; });
        r.Try("tooShort", () => J(((SearchSpace)ss).SampleFromFeatureSpace(new double[1]))); r.Try("below0", () => J(((SearchSpace)ss).SampleFromFeatureSpace(Enumerable.Repeat(-0.1, ss.FeatureSpaceDim).ToArray()))); r.Try("above1", () => J(((SearchSpace)ss).SampleFromFeatureSpace(Enumerable.Repeat(1.1, ss.FeatureSpaceDim).ToArray()))); r.Try("null", () => J(((SearchSpace)ss).SampleFromFeatureSpace(null)));
        r.Try("mapTyped", () => ss.MappingToFeatureSpace(new Options())); r.Try("mapMissing", () => ((SearchSpace)ss).MappingToFeatureSpace(Microsoft.ML.SearchSpace.Parameter.CreateNestedParameter()));
        r.Try("withDefault", () => { var d = new Options(); d.Trees = 55; d.Mode = "d"; d.Nested.Rate = 1e-5f; return new SearchSpace<Options>(d).Default; });
    }
}
