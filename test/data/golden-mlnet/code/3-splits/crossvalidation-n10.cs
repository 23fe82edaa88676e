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

public static class Case_3_splits_crossvalidation_n10
{
    public class Row { public int Id; public string Text; public float F; public long L; [KeyType(7)] public uint K; [VectorType(2)] public float[] V; public bool B; public DateTime When; }
    static int[] Ids(IDataView v) { var l = new List<int>(); using var c = v.GetRowCursor(new[] { v.Schema["Id"] }); var g = c.GetGetter<int>(v.Schema["Id"]); int x = 0; while (c.MoveNext()) { g(ref x); l.Add(x); } return l.ToArray(); }
    static IDataView Data(MLContext ml, int n) => ml.Data.LoadFromEnumerable(Enumerable.Range(0, n).Select(i => new Row { Id = i, Text = "user" + i % 13, F = i * i % 11 / 2f, L = i * 7919L % 17, K = (uint)(i % 9), V = new float[] { i % 5, i % 3 }, B = i % 4 == 0, When = new DateTime(2020, 1, 1).AddDays(i % 6) }).ToArray());

    public static void Run(MLContext ml, R r)
    {
        var d = Data(ml, 10);
        foreach (var (k, seed) in new (int, int?)[] { (2, 1), (3, 1), (5, 0), (5, 42), (10, 7), (5, null) })
        {
            r.Value($"folds {k} seed {seed?.ToString() ?? "null"}", ml.Data.CrossValidationSplit(d, k, seed: seed).Select(x => Ids(x.TestSet)).ToArray());
            r.Value($"folds {k} seed {seed?.ToString() ?? "null"} by Text", ml.Data.CrossValidationSplit(d, k, "Text", seed).Select(x => Ids(x.TestSet)).ToArray());
            r.Value($"folds {k} seed {seed?.ToString() ?? "null"} by K", ml.Data.CrossValidationSplit(d, k, "K", seed).Select(x => Ids(x.TestSet)).ToArray());
        }
        r.Value("trainIsRest", ml.Data.CrossValidationSplit(d, 4, seed: 1).All(x => Ids(x.TrainSet).SequenceEqual(Enumerable.Range(0, 10).Except(Ids(x.TestSet)))));
    }
}
