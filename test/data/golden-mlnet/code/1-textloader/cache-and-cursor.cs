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

public static class Case_1_textloader_cache_and_cursor
{
    public static void Run(MLContext ml, R r)
    {
        var v = ml.Data.LoadFromTextFile("data.csv", new[] { new TextLoader.Column("A", DataKind.Single, 0), new TextLoader.Column("T", DataKind.String, 1) }, separatorChar: ',');
        var c = ml.Data.Cache(v); r.View("cached", c); r.Value("countAfter", c.GetRowCount());
        r.Value("count", v.GetRowCount());
        r.Try("inactiveColumn", () => { using var k = v.GetRowCursor(new[] { v.Schema["A"] }); k.MoveNext(); k.GetGetter<ReadOnlyMemory<char>>(v.Schema["T"]); });
        r.Try("wrongGetterType", () => { using var k = v.GetRowCursor(v.Schema); k.MoveNext(); k.GetGetter<double>(v.Schema["A"]); });
        r.Try("beforeMove", () => { using var k = v.GetRowCursor(v.Schema); float x = 0; k.GetGetter<float>(v.Schema["A"])(ref x); return x; });
        r.Try("afterEnd", () => { using var k = v.GetRowCursor(v.Schema); var g = k.GetGetter<float>(v.Schema["A"]); while (k.MoveNext()); float x = 0; g(ref x); return x; });
        r.Try("positions", () => { var l = new List<long>(); using var k = v.GetRowCursor(v.Schema); l.Add(k.Position); while (k.MoveNext()) l.Add(k.Position); l.Add(k.Position); return l; });
        r.Try("ids", () => { var l = new List<DataViewRowId>(); using var k = v.GetRowCursor(v.Schema); var g = k.GetIdGetter(); while (k.MoveNext()) { DataViewRowId id = default; g(ref id); l.Add(id); } return l; });
        r.Try("schemaIndexer", () => v.Schema["Nope"]);
        r.Value("schemaNull", v.Schema.GetColumnOrNull("Nope") == null);
        r.Try("preview", () => { var p = v.Preview(2); return new { Rows = p.RowView.Length, Cols = p.ColumnView.Length, Text = p.ToString() }; });
    }
}
