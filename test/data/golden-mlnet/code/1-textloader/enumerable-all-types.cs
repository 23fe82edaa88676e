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

public static class Case_1_textloader_enumerable_all_types
{
    public class Row {
        public string Text { get; set; } public bool B { get; set; } public sbyte I1 { get; set; } public short I2 { get; set; } public int I4 { get; set; } public long I8 { get; set; }
        public byte U1; public ushort U2; public uint U4; public ulong U8; public float R4; public double R8;
        public DateTime When { get; set; } public TimeSpan Span { get; set; }
        [VectorType(3)] public float[] Vec { get; set; } [VectorType] public int[] Var { get; set; } [VectorType(2), ColumnName("W")] public string[] Words { get; set; }
        [KeyType(5)] public uint Key { get; set; }
        [NoColumn] public string Hidden { get; set; } public string Computed => "c" + Text;
    }

    public static void Run(MLContext ml, R r)
    {
        var rows = R.Jsonl<Row>("rows.jsonl");
        var v = ml.Data.LoadFromEnumerable(rows);
        r.View("view", v);
        r.Value("back", ml.Data.CreateEnumerable<Row>(v, reuseRowObject: false));
        r.Value("sameObjectReused", ml.Data.CreateEnumerable<Row>(v, reuseRowObject: true).ToArray() is var a && ReferenceEquals(a[0], a[1]));
    }
}
