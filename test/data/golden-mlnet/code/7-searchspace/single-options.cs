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

public static class Case_7_searchspace_single_options
{
    static object J(Microsoft.ML.SearchSpace.Parameter q) => System.Text.Json.Nodes.JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(q));

    public static void Run(MLContext ml, R r)
    {
        var values = new[] { 0, 0.001, 0.05, 0.1, 0.2, 0.25, 0.3, 1 / 3.0, 0.4, 0.45, 0.5, 0.55, 0.6, 2 / 3.0, 0.7, 0.75, 0.8, 0.9, 0.95, 0.999, 1 };
                { var o = new UniformIntOption(0, 10); r.Value("UniformIntOption(0, 10)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new UniformIntOption(1, 100, true); r.Value("UniformIntOption(1, 100, true)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new UniformIntOption(-5, 5, false, 2); r.Value("UniformIntOption(-5, 5, false, 2)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new UniformIntOption(1, 1024, true, 32); r.Value("UniformIntOption(1, 1024, true, 32)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new UniformDoubleOption(0, 1); r.Value("UniformDoubleOption(0, 1)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new UniformDoubleOption(1e-4, 1, true); r.Value("UniformDoubleOption(1e-4, 1, true)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new UniformDoubleOption(-3, 8, false, 0.5); r.Value("UniformDoubleOption(-3, 8, false, 0.5)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new UniformDoubleOption(0.001, 1000, true, 1); r.Value("UniformDoubleOption(0.001, 1000, true, 1)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new UniformSingleOption(1, 3); r.Value("UniformSingleOption(1, 3)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new UniformSingleOption(1e-3f, 10, true, 0.1f); r.Value("UniformSingleOption(1e-3f, 10, true, 0.1f)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new ChoiceOption(1, 2, 3); r.Value("ChoiceOption(1, 2, 3)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new ChoiceOption("x", "y"); r.Value("ChoiceOption('x', 'y')", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new ChoiceOption(true, false); r.Value("ChoiceOption(true, false)", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new ChoiceOption("one"); r.Value("ChoiceOption('one')", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new ChoiceOption(new object[] { "a", "b", "c", "d", "e" }, "d"); r.Value("ChoiceOption(new object[] { 'a', 'b', 'c', 'd', 'e' }, 'd')", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                { var o = new ChoiceOption(1.5, 2.5, "z"); r.Value("ChoiceOption(1.5, 2.5, 'z')", new { o.FeatureSpaceDim, o.Default, o.Step, Samples = values.Select(v => { var q = o.SampleFromFeatureSpace(o.FeatureSpaceDim == 0 ? new double[0] : new[] { v }); return new { v, Value = J(q), Back = o.MappingToFeatureSpace(q) }; }).ToArray() }); }
                r.Try("minOverMax", () => new UniformIntOption(5, 1)); r.Try("minIsMax", () => new UniformIntOption(5, 5).Step); r.Try("logOfZero", () => new UniformDoubleOption(0, 1, true)); r.Try("logNegative", () => new UniformDoubleOption(-1, 1, true)); r.Try("defaultOutside", () => new UniformIntOption(0, 10, false, 20).Default); r.Try("noChoices", () => new ChoiceOption()); r.Try("sameChoice", () => new ChoiceOption("a", "a").Choices.Length); r.Try("defaultNoChoice", () => new ChoiceOption(new object[] { "a", "b" }, "z").Default);
                r.Try("twoValues", () => J(new UniformIntOption(0, 10).SampleFromFeatureSpace(new[] { 0.1, 0.2 }))); r.Try("over1", () => J(new UniformIntOption(0, 10).SampleFromFeatureSpace(new[] { 1.5 }))); r.Try("negative", () => J(new UniformDoubleOption(0, 10).SampleFromFeatureSpace(new[] { -0.5 }))); r.Try("choiceOver1", () => J(new ChoiceOption("a", "b").SampleFromFeatureSpace(new[] { 1.5 }))); r.Try("mapOutside", () => new UniformIntOption(0, 10).MappingToFeatureSpace(Microsoft.ML.SearchSpace.Parameter.FromInt(99))); r.Try("mapNotAChoice", () => new ChoiceOption("a", "b").MappingToFeatureSpace(Microsoft.ML.SearchSpace.Parameter.FromString("zz")));
    }
}
