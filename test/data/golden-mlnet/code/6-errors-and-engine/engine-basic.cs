// Recorded with the real library: see the README of this folder.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using GoldenContracts;

public static class Case_6_errors_and_engine_engine_basic
{
    public class Row { public string Text { get; set; } public float X { get; set; } [VectorType(2)] public float[] V { get; set; } public bool B { get; set; } public int I { get; set; } public string Label { get; set; } }
    public class Out { public string Copy { get; set; } [VectorType(3)] public float[] F { get; set; } public uint Key { get; set; } }
    static Row[] Rows() => new[] { new Row { Text = "one two", X = 1.5f, V = new float[] { 1, 2 }, B = true, I = 3, Label = "a" }, new Row { Text = "", X = float.NaN, V = new float[] { 0, -1 }, I = -3, Label = "b" }, new Row { Text = null, X = -2, V = new float[] { 7, 8 }, B = true, I = 0, Label = "a" } };
    static IDataView Data(MLContext ml) => ml.Data.LoadFromEnumerable(Rows());

    public static void Run(MLContext ml, R r)
    {
        var m = ml.Transforms.CopyColumns("Copy", "Text").Append(ml.Transforms.Concatenate("F", "X", "V")).Append(ml.Transforms.Conversion.MapValueToKey("Key", "Label")).Fit(Data(ml));
        var e = ml.Model.CreatePredictionEngine<Row, Out>(m);
        r.Value("predictions", Rows().Select(x => e.Predict(x)).ToArray());
        var o = new Out(); e.Predict(Rows()[0], ref o); r.Value("intoGiven", o);
        r.Schema("outputSchema", e.OutputSchema);
        r.Try("unknownLabel", () => e.Predict(new Row { Label = "zzz", V = new float[] { 1, 2 } }));
        r.Try("nullVector", () => e.Predict(new Row { Label = "a" }));
        r.Try("shortVector", () => e.Predict(new Row { Label = "a", V = new float[] { 1 } }));
        r.Try("longVector", () => e.Predict(new Row { Label = "a", V = new float[] { 1, 2, 3 } }));
        r.Try("nullRow", () => e.Predict(null));
        var a = e.Predict(Rows()[0]); var b = e.Predict(Rows()[1]); r.Value("sameObject", ReferenceEquals(a, b));
        e.Dispose(); r.Try("afterDispose", () => e.Predict(Rows()[0]));
    }
}
