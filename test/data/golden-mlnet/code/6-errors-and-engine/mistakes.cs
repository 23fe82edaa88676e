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

public static class Case_6_errors_and_engine_mistakes
{
    public class Row { public string Text { get; set; } public float X { get; set; } [VectorType(2)] public float[] V { get; set; } public bool B { get; set; } public int I { get; set; } public string Label { get; set; } }
    public class Out { public string Copy { get; set; } [VectorType(3)] public float[] F { get; set; } public uint Key { get; set; } }
    static Row[] Rows() => new[] { new Row { Text = "one two", X = 1.5f, V = new float[] { 1, 2 }, B = true, I = 3, Label = "a" }, new Row { Text = "", X = float.NaN, V = new float[] { 0, -1 }, I = -3, Label = "b" }, new Row { Text = null, X = -2, V = new float[] { 7, 8 }, B = true, I = 0, Label = "a" } };
    static IDataView Data(MLContext ml) => ml.Data.LoadFromEnumerable(Rows());
    public class Other { public int Z { get; set; } } public class Other2 { public float Text; } public class Other3 { [VectorType(5)] public float[] V; } public class Lc { [LoadColumn(0)] public string A { get; set; } }

    public static void Run(MLContext ml, R r)
    {
        var d = Data(ml);
        object Name(object o) => o is ITransformer or IEstimator<ITransformer> ? o.GetType().Name : o;
        r.Try("fit-missing-input: MapValueToKey of an unknown column", () => Name(ml.Transforms.Conversion.MapValueToKey("K", "Nope").Fit(d)));
        r.Try("fit-case: column name in other case", () => Name(ml.Transforms.CopyColumns("C", "text").Fit(d)));
        r.Try("fit-chain-missing: unknown column at the second step", () => Name(ml.Transforms.CopyColumns("C", "Text").Append(ml.Transforms.CopyColumns("D", "Nope")).Append(ml.Transforms.CopyColumns("E", "D")).Fit(d)));
        r.Try("keytovalue-text: MapKeyToValue of text", () => Name(ml.Transforms.Conversion.MapKeyToValue("Q", "Label").Fit(d)));
        r.Try("keytovalue-text-chain: MapKeyToValue of text in a chain", () => Name(ml.Transforms.CopyColumns("C", "Text").Append(ml.Transforms.Conversion.MapKeyToValue("Q", "C")).Fit(d)));
        r.Try("keytovector-text: MapKeyToVector of text", () => Name(ml.Transforms.Conversion.MapKeyToVector("Q", "Label").Fit(d)));
        r.Try("concat-types: Concatenate text and number", () => Name(ml.Transforms.Concatenate("F", "X", "Text").Fit(d)));
        r.Try("concat-none: Concatenate nothing", () => Name(ml.Transforms.Concatenate("F").Fit(d)));
        r.Try("concat-null: Concatenate null", () => Name(ml.Transforms.Concatenate("F", null).Fit(d)));
        r.Try("normalize-text: NormalizeMinMax of text", () => Name(ml.Transforms.NormalizeMinMax("F", "Text").Fit(d)));
        r.Try("replace-missing-text: ReplaceMissingValues of text", () => Name(ml.Transforms.ReplaceMissingValues("F", "Text").Fit(d)));
        r.Try("convert-vector-text: ConvertType to a kind that is not possible", () => Name(ml.Transforms.Conversion.ConvertType("F", "X", DataKind.DateTime).Fit(d).Transform(d)));
        r.Try("transform-other-schema: Model applied to data without its column", () => Name(ml.Transforms.CopyColumns("C", "Text").Fit(d).Transform(ml.Data.LoadFromEnumerable(new[] { new Other() }))));
        r.Try("transform-other-type: Model applied to a column of another type", () => Name(ml.Transforms.Conversion.MapValueToKey("K", "Text").Fit(d).Transform(ml.Data.LoadFromEnumerable(new[] { new Other2() }))));
        r.Try("transform-other-size: Model applied to a vector of another size", () => Name(ml.Transforms.NormalizeMinMax("N", "V").Fit(d).Transform(ml.Data.LoadFromEnumerable(new[] { new Other3 { V = new float[5] } })).Preview().RowView.Length));
        r.Try("fit-null: Fit(null)", () => Name(ml.Transforms.CopyColumns("C", "Text").Fit(null)));
        r.Try("transform-null: Transform(null)", () => Name(ml.Transforms.CopyColumns("C", "Text").Fit(d).Transform(null)));
        r.Try("copy-null-name: CopyColumns(null, x)", () => Name(ml.Transforms.CopyColumns(null, "Text").Fit(d)));
        r.Try("copy-empty-name: CopyColumns('', x)", () => Name(ml.Transforms.CopyColumns("", "Text").Fit(d)));
        r.Try("copy-null-input: CopyColumns(x, null)", () => Name(ml.Transforms.CopyColumns("C", null).Fit(d)));
        r.Try("valuetokey-empty-data: MapValueToKey of no rows", () => Name(ml.Transforms.Conversion.MapValueToKey("K", "Label").Fit(ml.Data.LoadFromEnumerable(new Row[0])).GetOutputSchema(d.Schema)));
        r.Try("valuetokey-empty-transform: MapValueToKey of no rows, transformed", () => Name(ml.Transforms.Conversion.MapValueToKey("K", "Label").Fit(ml.Data.LoadFromEnumerable(new Row[0])).Transform(d)));
        r.Try("normalize-empty: NormalizeMinMax of no rows", () => Name(ml.Transforms.NormalizeMinMax("N", "X").Fit(ml.Data.LoadFromEnumerable(new Row[0])).Transform(d)));
        r.Try("valuetokey-zero-max: maximumNumberOfKeys 0", () => Name(ml.Transforms.Conversion.MapValueToKey("K", "Label", maximumNumberOfKeys: 0).Fit(d)));
        r.Try("evaluate-not-key: Multiclass Evaluate with a text label", () => Name(ml.MulticlassClassification.Evaluate(d, "Label", "V", "Label")));
        r.Try("evaluate-no-score: Evaluate of data without Score", () => Name(ml.MulticlassClassification.Evaluate(d)));
        r.Try("evaluate-null: Evaluate(null)", () => Name(ml.BinaryClassification.Evaluate(null)));
        r.Try("evaluate-score-not-vector: Multiclass Evaluate with a scalar score", () => { var k = ml.Transforms.Conversion.MapValueToKey("Label").Append(ml.Transforms.CopyColumns("PredictedLabel", "Label")).Fit(d).Transform(d); return ml.MulticlassClassification.Evaluate(k, scoreColumnName: "X"); });
        r.Try("crossvalidate-not-key: Multiclass CrossValidate of a text label", () => Name(ml.MulticlassClassification.CrossValidate(d, ml.Transforms.CopyColumns("Features", "V"), 2)));
        r.Try("custommapping-save: Save of a CustomMapping without contract", () => { using var st = new MemoryStream(); ml.Model.Save(ml.Transforms.CustomMapping<Row, Other>((a, b) => { }, null).Fit(d), d.Schema, st); return st.Length > 0; });
        r.Try("custommapping-unregistered: Save of a CustomMapping with a contract nobody registered", () => { using var st = new MemoryStream(); ml.Model.Save(ml.Transforms.CustomMapping<Row, Other>((a, b) => { }, "nobody.v1").Fit(d), d.Schema, st); return st.Length > 0; });
        r.Try("load-missing-file: Load of a file that is not there", () => Name(ml.Model.Load("nothere.zip", out var _)));
        r.Try("load-not-zip: Load of a file that is no zip", () => Name(ml.Model.Load("text.zip", out var _)));
        r.Try("load-empty-file: Load of an empty file", () => Name(ml.Model.Load("empty.zip", out var _)));
        r.Try("load-empty-zip: Load of a zip without model", () => Name(ml.Model.Load("plain.zip", out var _)));
        r.Try("load-with-loader: LoadWithDataLoader of a model saved with a schema", () => { using var st = new MemoryStream(); ml.Model.Save(ml.Transforms.CopyColumns("C", "Text").Fit(d), d.Schema, st); st.Position = 0; return ml.Model.LoadWithDataLoader(st, out var l); });
        r.Try("save-null-schema: Save without schema works", () => { using var st = new MemoryStream(); ml.Model.Save(ml.Transforms.CopyColumns("C", "Text").Fit(d), null, st); st.Position = 0; ml.Model.Load(st, out var sc); return sc == null; });
        r.Try("textfile-missing: LoadFromTextFile of a missing file", () => Name(ml.Data.LoadFromTextFile<Lc>("nothere.tsv")));
        r.Try("textfile-empty-path: LoadFromTextFile of an empty path", () => Name(ml.Data.LoadFromTextFile<Lc>("")));
        r.Try("textfile-null-path: LoadFromTextFile of null", () => Name(ml.Data.LoadFromTextFile<Lc>(null)));
        r.Try("enumerable-null: LoadFromEnumerable(null)", () => Name(ml.Data.LoadFromEnumerable<Row>(null)));
        r.Try("append-null: Append(null)", () => Name(ml.Transforms.CopyColumns("C", "Text").Append<ITransformer>(null)));
        r.Try("getcolumn-wrong: GetColumn<T> of the wrong type", () => Name(d.GetColumn<float>("Text").ToArray()));
        r.Try("getcolumn-missing: GetColumn of an unknown column", () => Name(d.GetColumn<float>("Nope").ToArray()));
        r.Try("getcolumn-good: GetColumn works: text, vector, number", () => Name(new object[] { d.GetColumn<string>("Text").ToArray(), d.GetColumn<float[]>("V").ToArray(), d.GetColumn<float>(d.Schema["X"]).ToArray() }));
        r.Try("select-none: SelectColumns of nothing", () => Name(ml.Transforms.SelectColumns().Fit(d).Transform(d)));
        r.Try("drop-none: DropColumns of nothing", () => Name(ml.Transforms.DropColumns().Fit(d).Transform(d)));
        r.Try("drop-all: DropColumns of everything", () => Name(ml.Transforms.DropColumns("Text", "X", "V", "B", "I", "Label").Fit(d).Transform(d)));
    }
}
