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

public static class Case_2_transforms_valuetokey_words_byvalue
{
    public class ShapeRow { public int Id; public string Text; public float X; public double D; public bool B; [VectorType(3)] public float[] V; [VectorType(2)] public string[] Words; [KeyType(4)] public uint K; public long I; [VectorType] public float[] Var; }
    public static class Shapes
    {
        class Nothing { }
        // a starting SchemaShape by public API: the columns a CustomMapping of T would add to an empty shape
        public static SchemaShape Of<T>(MLContext ml) where T : class, new() => ml.Transforms.CustomMapping<Nothing, T>((a, b) => { }, null).GetOutputSchema(new SchemaShape(Enumerable.Empty<SchemaShape.Column>()));
    }

    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("../data.tsv", new[] {
                    new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("X", DataKind.Single, 2),
                    new TextLoader.Column("D", DataKind.Double, 3), new TextLoader.Column("B", DataKind.Boolean, 4), new TextLoader.Column("V", DataKind.Single, 5, 7),
                    new TextLoader.Column("Words", DataKind.String, 8, 9), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(10) }, new KeyCount(4)), new TextLoader.Column("I", DataKind.Int64, 11) }, hasHeader: true);
                var test = ml.Data.LoadFromTextFile("../test.tsv", new[] {
                    new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("X", DataKind.Single, 2),
                    new TextLoader.Column("D", DataKind.Double, 3), new TextLoader.Column("B", DataKind.Boolean, 4), new TextLoader.Column("V", DataKind.Single, 5, 7),
                    new TextLoader.Column("Words", DataKind.String, 8, 9), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(10) }, new KeyCount(4)), new TextLoader.Column("I", DataKind.Int64, 11) }, hasHeader: true);
                var est = ml.Transforms.Conversion.MapValueToKey("Key", "Words", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue);
                IDataView P(IDataView d) => ml.Transforms.SelectColumns("Id", "Words", "Key").Fit(d).Transform(d);
                r.Try("shape", () => est.GetOutputSchema(Shapes.Of<ShapeRow>(ml)));
                r.Try("fit", () => { var m = est.Fit(data); return new { Model = m.GetType().Name, ((ITransformer)m).IsRowToRowMapper, Train = P(m.Transform(data)), Test = P(m.Transform(test)) }; });
    }
}
