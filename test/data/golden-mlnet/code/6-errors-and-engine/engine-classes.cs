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

public static class Case_6_errors_and_engine_engine_classes
{
    public class Row { public string Text { get; set; } public float X { get; set; } [VectorType(2)] public float[] V { get; set; } public bool B { get; set; } public int I { get; set; } public string Label { get; set; } }
    public class Out { public string Copy { get; set; } [VectorType(3)] public float[] F { get; set; } public uint Key { get; set; } }
    static Row[] Rows() => new[] { new Row { Text = "one two", X = 1.5f, V = new float[] { 1, 2 }, B = true, I = 3, Label = "a" }, new Row { Text = "", X = float.NaN, V = new float[] { 0, -1 }, I = -3, Label = "b" }, new Row { Text = null, X = -2, V = new float[] { 7, 8 }, B = true, I = 0, Label = "a" } };
    static IDataView Data(MLContext ml) => ml.Data.LoadFromEnumerable(Rows());
    public class InMissing { public string Text; public float X; public string Label; } public class InWrong { public string Text; public double X; [VectorType(2)] public float[] V; public string Label; }
    public class InVar { public string Text; public float X; public float[] V; public string Label; } public class InSize { public string Text; public float X; [VectorType(3)] public float[] V; public string Label; } public class InNullable { public string Text; public float? X; [VectorType(2)] public float[] V; public string Label; }
    public class InRename { public string Txt; public float X; [VectorType(2)] public float[] V; public string Label; }
    public class OutMissing { public string Copy; public float Nope; } public class OutWrong { public float Copy; } public class OutScalar { public float F; } public class OutVar { public float[] F; } public class OutSize { [VectorType(5)] public float[] F; } public class OutNullable { public float? X; } public class OutEmpty { }

    public static void Run(MLContext ml, R r)
    {
        var m = ml.Transforms.CopyColumns("Copy", "Text").Append(ml.Transforms.Concatenate("F", "X", "V")).Append(ml.Transforms.Conversion.MapValueToKey("Key", "Label")).Fit(Data(ml));
        r.Try("inputMissing", () => { ml.Model.CreatePredictionEngine<InMissing, Out>(m).Predict(new InMissing()); });
        r.Try("inputWrongType", () => { ml.Model.CreatePredictionEngine<InWrong, Out>(m).Predict(new InWrong { V = new float[2] }); });
        r.Try("inputVarVector", () => ml.Model.CreatePredictionEngine<InVar, Out>(m).Predict(new InVar { V = new float[] { 1, 2 }, Label = "a" }));
        r.Try("inputOtherSize", () => ml.Model.CreatePredictionEngine<InSize, Out>(m).Predict(new InSize { V = new float[] { 1, 2, 3 }, Label = "a" }));
        r.Try("inputNullable", () => ml.Model.CreatePredictionEngine<InNullable, Out>(m).Predict(new InNullable()));
        r.Try("outputMissingDefault", () => ml.Model.CreatePredictionEngine<Row, OutMissing>(m).Predict(Rows()[0]));
        r.Try("outputMissingStrict", () => ml.Model.CreatePredictionEngine<Row, OutMissing>(m, ignoreMissingColumns: false).Predict(Rows()[0]));
        r.Try("outputWrongType", () => ml.Model.CreatePredictionEngine<Row, OutWrong>(m).Predict(Rows()[0]));
        r.Try("outputVectorAsScalar", () => ml.Model.CreatePredictionEngine<Row, OutScalar>(m).Predict(Rows()[0]));
        r.Try("outputVarVector", () => ml.Model.CreatePredictionEngine<Row, OutVar>(m).Predict(Rows()[0]));
        r.Try("outputOtherSize", () => ml.Model.CreatePredictionEngine<Row, OutSize>(m).Predict(Rows()[0]));
        r.Try("outputNullable", () => ml.Model.CreatePredictionEngine<Row, OutNullable>(m).Predict(Rows()[0]));
        r.Try("outputEmpty", () => ml.Model.CreatePredictionEngine<Row, OutEmpty>(m).Predict(Rows()[0]));
        r.Try("withSchema", () => ml.Model.CreatePredictionEngine<Row, Out>(m, Data(ml).Schema).Predict(Rows()[0]));
        r.Try("withOptions", () => ml.Model.CreatePredictionEngine<Row, Out>(m, new PredictionEngineOptions { IgnoreMissingColumns = false }).Predict(Rows()[0]));
        r.Try("nullModel", () => ml.Model.CreatePredictionEngine<Row, Out>(null));
        r.Try("inputDefinition", () => { var d = SchemaDefinition.Create(typeof(InRename)); d["Txt"].ColumnName = "Text"; return ml.Model.CreatePredictionEngine<InRename, Out>(m, inputSchemaDefinition: d).Predict(new InRename { Txt = "q", V = new float[2], Label = "b" }); });
    }
}
