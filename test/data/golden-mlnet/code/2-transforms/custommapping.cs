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

public static class Case_2_transforms_custommapping
{
    public class ShapeRow { public int Id; public string Text; public float X; public double D; public bool B; [VectorType(3)] public float[] V; [VectorType(2)] public string[] Words; [KeyType(4)] public uint K; public long I; [VectorType] public float[] Var; }
    public static class Shapes
    {
        class Nothing { }
        // a starting SchemaShape by public API: the columns a CustomMapping of T would add to an empty shape
        public static SchemaShape Of<T>(MLContext ml) where T : class, new() => ml.Transforms.CustomMapping<Nothing, T>((a, b) => { }, null).GetOutputSchema(new SchemaShape(Enumerable.Empty<SchemaShape.Column>()));
    }
    public class In { public int Id { get; set; } public string Text { get; set; } public float X; public bool B; [VectorType(3)] public float[] V { get; set; } }
    public class Out { public float Sum { get; set; } public string Upper; [VectorType(2)] public float[] Twice; public int[] Rest { get; set; } [KeyType(3)] public uint Kind; [ColumnName("B")] public bool Old; }
    public class Missing { public float Nope { get; set; } } public class Wrong { public double X { get; set; } } public class RunOut { public int Total; public int Calls; } public class State { public int Total; public int Calls; }

    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("../data.tsv", new[] {
                    new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("X", DataKind.Single, 2),
                    new TextLoader.Column("D", DataKind.Double, 3), new TextLoader.Column("B", DataKind.Boolean, 4), new TextLoader.Column("V", DataKind.Single, 5, 7),
                    new TextLoader.Column("Words", DataKind.String, 8, 9), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(10) }, new KeyCount(4)), new TextLoader.Column("I", DataKind.Int64, 11) }, hasHeader: true);
                var m = ml.Transforms.CustomMapping<In, Out>((a, b) => { b.Sum = a.X + a.V.Where(x => !float.IsNaN(x)).Sum(); b.Upper = a.Text.ToUpperInvariant(); b.Twice = new[] { a.X, a.X * 2 }; b.Rest = Enumerable.Repeat((int)a.Id, a.Id % 3).ToArray(); b.Kind = (uint)(a.Id % 4); b.Old = a.B; }, contractName: null);
                r.Shape("shape", m.GetOutputSchema(Shapes.Of<ShapeRow>(ml)));
                var o = m.Fit(data).Transform(data); r.View("view", ml.Transforms.SelectColumns("Id", "Sum", "Upper", "Twice", "Rest", "Kind", "B").Fit(o).Transform(o)); r.Schema("schema", o.Schema);
                r.Try("missing", () => ml.Transforms.CustomMapping<Missing, Out>((a, b) => { }, null).Fit(data).Transform(data));
                r.Try("wrongType", () => ml.Transforms.CustomMapping<Wrong, Out>((a, b) => { }, null).Fit(data).Transform(data));
                r.Try("shapeMissing", () => ml.Transforms.CustomMapping<Missing, Out>((a, b) => { }, null).GetOutputSchema(Shapes.Of<ShapeRow>(ml)));
                r.Try("throws", () => ml.Transforms.CustomMapping<In, Out>((a, b) => throw new InvalidOperationException("mine"), null).Fit(data).Transform(data).Preview());
                r.Try("throwsCursor", () => { var t = ml.Transforms.CustomMapping<In, Out>((a, b) => throw new InvalidOperationException("mine"), null).Fit(data).Transform(data); using var c = t.GetRowCursor(t.Schema); c.MoveNext(); var g = c.GetGetter<float>(t.Schema["Sum"]); float f = 0; g(ref f); });
                var st = ml.Transforms.StatefulCustomMapping<In, RunOut, State>((a, b, z) => { z.Total += a.Id; b.Total = z.Total; b.Calls = ++z.Calls; }, z => z.Total = 100, null).Fit(data).Transform(data);
                r.Rows("stateful", st, "Id", "Total", "Calls");
                r.Rows("predicate", ml.Data.FilterByCustomPredicate<In>(data, a => a.Id % 3 == 0), "Id");
                r.Rows("statefulPredicate", ml.Data.FilterByStatefulCustomPredicate<In, State>(data, (a, z) => z.Calls++ % 4 == 0, z => z.Calls = 0), "Id");
                r.Try("nullAction", () => ml.Transforms.CustomMapping<In, Out>(null, null));
    }
}
