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

public static class Case_1_textloader_enumerable_nullable
{
    public class Row { public int? A; public float? B; public double? D { get; set; } public bool? C; public string T; }

    public static void Run(MLContext ml, R r)
    {
        r.Try("schemaDefinition", () => SchemaDefinition.Create(typeof(Row)).Select(c => new { c.MemberName, c.ColumnName, Type = c.ColumnType?.ToString() }));
        r.Try("view", () => ml.Data.LoadFromEnumerable(new Row[] { new Row { A = 1, B = 2, D = 3, C = true, T = "x" }, new Row() }));
    }
}
