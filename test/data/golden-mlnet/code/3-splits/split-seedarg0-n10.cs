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

public static class Case_3_splits_split_seedarg0_n10
{
    public class Row { public int Id; public string Text; public float F; public long L; [KeyType(7)] public uint K; [VectorType(2)] public float[] V; public bool B; public DateTime When; }
    static int[] Ids(IDataView v) { var l = new List<int>(); using var c = v.GetRowCursor(new[] { v.Schema["Id"] }); var g = c.GetGetter<int>(v.Schema["Id"]); int x = 0; while (c.MoveNext()) { g(ref x); l.Add(x); } return l.ToArray(); }
    static IDataView Data(MLContext ml, int n) => ml.Data.LoadFromEnumerable(Enumerable.Range(0, n).Select(i => new Row { Id = i, Text = "user" + i % 13, F = i * i % 11 / 2f, L = i * 7919L % 17, K = (uint)(i % 9), V = new float[] { i % 5, i % 3 }, B = i % 4 == 0, When = new DateTime(2020, 1, 1).AddDays(i % 6) }).ToArray());

    public static void Run(MLContext ml, R r)
    {
        var d = Data(ml, 10);
        foreach (var f in new[] { 0.1, 0.2, 0.25, 0.5, 0.9 })
        {
            var s = ml.Data.TrainTestSplit(d, f, seed: 0);
            var test = Ids(s.TestSet); var train = Ids(s.TrainSet);
            r.Value("fraction " + f, new { Test = test, TrainIsRest = train.SequenceEqual(Enumerable.Range(0, 10).Except(test)) });
        }
        var again = ml.Data.TrainTestSplit(d, 0.1, seed: 0); r.Value("again 0.1", Ids(again.TestSet));
        r.Schema("schema", again.TestSet.Schema);
    }
}
