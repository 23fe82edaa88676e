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

public static class Case_6_errors_and_engine_engine_filters
{
    public class Row { public string Text { get; set; } public float X { get; set; } [VectorType(2)] public float[] V { get; set; } public bool B { get; set; } public int I { get; set; } public string Label { get; set; } }
    public class Out { public string Copy { get; set; } [VectorType(3)] public float[] F { get; set; } public uint Key { get; set; } }
    static Row[] Rows() => new[] { new Row { Text = "one two", X = 1.5f, V = new float[] { 1, 2 }, B = true, I = 3, Label = "a" }, new Row { Text = "", X = float.NaN, V = new float[] { 0, -1 }, I = -3, Label = "b" }, new Row { Text = null, X = -2, V = new float[] { 7, 8 }, B = true, I = 0, Label = "a" } };
    static IDataView Data(MLContext ml) => ml.Data.LoadFromEnumerable(Rows());public class Only { public int N { get; set; } } public class State { public int N; }

    public static void Run(MLContext ml, R r)
    {
        var d = Data(ml);
        r.Try("loader", () => { var m = ml.Transforms.DropColumns("X").Fit(d); return ml.Model.CreatePredictionEngine<Row, Only>(m).Predict(Rows()[0]); });
        r.Try("stateful", () => { var m = ml.Transforms.StatefulCustomMapping<Row, Only, State>((a, b, z) => b.N = ++z.N, z => z.N = 10, null).Fit(d); var e = ml.Model.CreatePredictionEngine<Row, Only>(m); return new[] { e.Predict(Rows()[0]).N, e.Predict(Rows()[0]).N, e.Predict(Rows()[1]).N }; });
        r.Try("customThrows", () => { var m = ml.Transforms.CustomMapping<Row, Only>((a, b) => { if (a.Text == null) throw new FormatException("no text"); b.N = a.Text.Length; }, null).Fit(d); var e = ml.Model.CreatePredictionEngine<Row, Only>(m); return new[] { e.Predict(Rows()[0]).N, e.Predict(new Row()).N }; });
    }
}
