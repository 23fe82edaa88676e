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

public static class Case_6_errors_and_engine_engine_keyvalues
{
    public class Row { public string Text { get; set; } public float X { get; set; } [VectorType(2)] public float[] V { get; set; } public bool B { get; set; } public int I { get; set; } public string Label { get; set; } }
    public class Out { public string Copy { get; set; } [VectorType(3)] public float[] F { get; set; } public uint Key { get; set; } }
    static Row[] Rows() => new[] { new Row { Text = "one two", X = 1.5f, V = new float[] { 1, 2 }, B = true, I = 3, Label = "a" }, new Row { Text = "", X = float.NaN, V = new float[] { 0, -1 }, I = -3, Label = "b" }, new Row { Text = null, X = -2, V = new float[] { 7, 8 }, B = true, I = 0, Label = "a" } };
    static IDataView Data(MLContext ml) => ml.Data.LoadFromEnumerable(Rows());public class P { public string Text { get; set; } [ColumnName("Key")] public uint K { get; set; } public ReadOnlyMemory<char> Back { get; set; } public float[] Features { get; set; } [ColumnName("V")] public VBuffer<float> Raw { get; set; } public bool B { get; set; } }

    public static void Run(MLContext ml, R r)
    {
        var m = ml.Transforms.Conversion.MapValueToKey("Key", "Label").Append(ml.Transforms.Conversion.MapKeyToValue("Back", "Key")).Append(ml.Transforms.Concatenate("Features", "V", "X")).Fit(Data(ml));
        var e = ml.Model.CreatePredictionEngine<Row, P>(m);
        r.Value("all", Rows().Select(x => { var q = e.Predict(x); return new { q.Text, q.K, Back = q.Back.ToString(), q.Features, q.Raw, q.B }; }).ToArray());
    }
}
