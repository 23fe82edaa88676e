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

public static class Case_1_textloader_kind_datetimeoffset
{
    public static void Run(MLContext ml, R r)
    {
        var cols = new[] { new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Token", DataKind.String, 1), new TextLoader.Column("Value", DataKind.DateTimeOffset, 1) };
        r.Try("all", () => ml.Data.LoadFromTextFile("data.tsv", cols));
        var lines = File.ReadAllLines("data.tsv");
        var bad = new List<object>();
        for (int i = 0; i < lines.Length; i++)
        {
            var loader = ml.Data.CreateTextLoader(cols);
            var tmp = Path.GetTempFileName(); File.WriteAllText(tmp, lines[i]);
            try { var v = loader.Load(new MultiFileSource(tmp)); using var c = v.GetRowCursor(v.Schema); while (c.MoveNext()) { var g = c.GetGetter<DateTimeOffset>(v.Schema["Value"]); DateTimeOffset x = default; g(ref x); } }
            catch (Exception e) { bad.Add(new { Line = i, Type = e.GetType().Name, Message = e.Message.Replace(tmp, "FILE") }); }
            File.Delete(tmp);
        }
        r.Value("throwing", bad);
    }
}
