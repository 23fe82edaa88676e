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

public static class Case_5_models_foreign_writer
{
    static object Steps(ITransformer t) => t is IEnumerable<ITransformer> chain ? chain.Select(Steps).ToArray() : t.GetType().Name.Split((char)96)[0]; public class Row { public string Text { get; set; } public int Count { get; set; } }

    public static void Run(MLContext ml, R r)
    {
        var loaded = ml.Model.Load("written-by-hand.zip", out var schema);
        r.Schema("inputSchema", schema); r.Value("steps", Steps(loaded));
        var rows = new[] { "banana", "pear", "", null, "école" }.Select((t, i) => new Row { Text = t, Count = i - 2 });
        r.View("rows", loaded.Transform(ml.Data.LoadFromEnumerable(rows)));
    }
}
