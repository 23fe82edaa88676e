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

public static class Case_1_textloader_enumerable_schemadefinition
{
    public class Row { public float[] V { get; set; } public uint K { get; set; } public string T { get; set; } }

    public static void Run(MLContext ml, R r)
    {
        var def = SchemaDefinition.Create(typeof(Row));
        var dv = def["V"];
        dv.ColumnType = new VectorDataViewType(NumberDataViewType.Single, 2);
        dv.ColumnName = "Features";
        r.Value("byOldName", def["V"] != null); r.Value("byNewName", def["Features"] != null);
        dv.AddAnnotation("SlotNames", new VBuffer<ReadOnlyMemory<char>>(2, new[] { "s0".AsMemory(), "s1".AsMemory() }), new VectorDataViewType(TextDataViewType.Instance, 2));
        def["K"].ColumnType = new KeyDataViewType(typeof(uint), 3);
        def["K"].AddAnnotation("KeyValues", new VBuffer<ReadOnlyMemory<char>>(3, new[] { "x".AsMemory(), "y".AsMemory(), "z".AsMemory() }), new VectorDataViewType(TextDataViewType.Instance, 3));
        var rows = new[] { new Row { V = new float[] { 1, 2 }, K = 1, T = "t" }, new Row { V = new float[] { 3, 4 }, K = 3, T = null } };
        var v = ml.Data.LoadFromEnumerable(rows, def);
        r.View("view", v);
        r.View("keyToValue", ml.Transforms.Conversion.MapKeyToValue("KV", "K").Fit(v).Transform(v));
        def = SchemaDefinition.Create(typeof(Row)); def.Remove(def["T"]);
        r.Try("removed", () => ml.Data.LoadFromEnumerable(rows, def));
        r.Try("withSchema", () => ml.Data.LoadFromEnumerable(rows, ml.Data.LoadFromEnumerable(rows, def).Schema));
        r.Try("wrongType", () => { var d = SchemaDefinition.Create(typeof(Row)); d["T"].ColumnType = NumberDataViewType.Single; return ml.Data.LoadFromEnumerable(rows, d); });
        r.Try("empty", () => ml.Data.LoadFromEnumerable(new Row[0]));
        r.Try("null", () => ml.Data.LoadFromEnumerable<Row>(null));
        r.Try("nullRow", () => ml.Data.LoadFromEnumerable(new Row[] { null }));
    }
}
