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

public static class Case_7_searchspace_parameter_json
{
    static object J(Microsoft.ML.SearchSpace.Parameter q) => System.Text.Json.Nodes.JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(q)); public class Plain { public int A { get; set; } public string B { get; set; } public double[] C { get; set; } public Plain In { get; set; } }

    public static void Run(MLContext ml, R r)
    {
        var all = new Dictionary<string, Microsoft.ML.SearchSpace.Parameter> {
            ["int"] = Microsoft.ML.SearchSpace.Parameter.FromInt(42), ["long"] = Microsoft.ML.SearchSpace.Parameter.FromLong(1L << 40), ["double"] = Microsoft.ML.SearchSpace.Parameter.FromDouble(2.5), ["float"] = Microsoft.ML.SearchSpace.Parameter.FromFloat(0.1f), ["bool"] = Microsoft.ML.SearchSpace.Parameter.FromBool(true), ["string"] = Microsoft.ML.SearchSpace.Parameter.FromString("t\"é"),
            ["enum"] = Microsoft.ML.SearchSpace.Parameter.FromEnum(DayOfWeek.Friday), ["array"] = Microsoft.ML.SearchSpace.Parameter.FromIEnumerable(new[] { 1, 2, 3 }), ["strings"] = Microsoft.ML.SearchSpace.Parameter.FromIEnumerable(new[] { "a", "b" }), ["object"] = Microsoft.ML.SearchSpace.Parameter.FromObject(new Plain { A = 3, B = "bb", C = new[] { 1.5, 2 }, In = new Plain { A = 4 } }), ["nested"] = Microsoft.ML.SearchSpace.Parameter.CreateNestedParameter(new KeyValuePair<string, Microsoft.ML.SearchSpace.Parameter>("k", Microsoft.ML.SearchSpace.Parameter.FromInt(1))), ["emptyNested"] = Microsoft.ML.SearchSpace.Parameter.CreateNestedParameter() };
        foreach (var (k, v) in all)
            r.Try(k, () => new { Type = v.ParameterType.ToString(), Json = System.Text.Json.JsonSerializer.Serialize(v), Text = v.ToString(), Round = System.Text.Json.JsonSerializer.Deserialize<Microsoft.ML.SearchSpace.Parameter>(System.Text.Json.JsonSerializer.Serialize(v)).ParameterType.ToString(), Equal = v.Equals(System.Text.Json.JsonSerializer.Deserialize<Microsoft.ML.SearchSpace.Parameter>(System.Text.Json.JsonSerializer.Serialize(v))) });
        r.Try("intAsLong", () => all["int"].AsType<long>()); r.Try("intAsFloat", () => all["int"].AsType<float>()); r.Try("intAsString", () => all["int"].AsType<string>()); r.Try("doubleAsInt", () => all["double"].AsType<int>()); r.Try("stringAsInt", () => all["string"].AsType<int>()); r.Try("enumBack", () => all["enum"].AsType<DayOfWeek>()); r.Try("boolAsInt", () => all["bool"].AsType<int>()); r.Try("arrayBack", () => all["array"].AsType<int[]>()); r.Try("objectBack", () => all["object"].AsType<Plain>()); r.Try("nestedAsPlain", () => all["nested"].AsType<Plain>());
        r.Try("keys", () => all["object"].Keys); r.Try("indexInt", () => all["int"]["x"]); r.Try("set", () => { var q = Microsoft.ML.SearchSpace.Parameter.CreateNestedParameter(); q["a"] = Microsoft.ML.SearchSpace.Parameter.FromInt(5); q.Add("b", Microsoft.ML.SearchSpace.Parameter.FromString("s")); q["n"] = all["nested"]; return J(q); }); r.Try("nullString", () => J(Microsoft.ML.SearchSpace.Parameter.FromString(null))); r.Try("parse", () => { var q = System.Text.Json.JsonSerializer.Deserialize<Microsoft.ML.SearchSpace.Parameter>("{\"a\":1,\"b\":{\"c\":[1,2.5,\"x\"],\"d\":null},\"e\":1.0}"); return new { T = q["a"].ParameterType.ToString(), TB = q["b"].ParameterType.ToString(), TC = q["b"]["c"].ParameterType.ToString(), TE = q["e"].ParameterType.ToString(), Json = J(q) }; });
    }
}
