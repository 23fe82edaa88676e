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

public static class Case_2_transforms_shuffle
{
    static int[] Ids(IDataView v) { var l = new List<int>(); using var c = v.GetRowCursor(new[] { v.Schema["Id"] }); var g = c.GetGetter<int>(v.Schema["Id"]); int x = 0; while (c.MoveNext()) { g(ref x); l.Add(x); } return l.ToArray(); }
     public class Row { public int Id; public float X; }

    public static void Run(MLContext ml, R r)
    {
        IDataView Mem(int n) => ml.Data.LoadFromEnumerable(Enumerable.Range(0, n).Select(i => new Row { Id = i }).ToArray());
        foreach (var (n, seed, pool, src) in new[] { (10, 0, 1000, true), (10, 1, 1000, true), (10, 1, 1000, false), (30, 7, 4, true), (30, 7, 4, false), (30, 7, 1, true), (30, 7, 1, false), (100, 42, 1000, true), (100, 42, 16, false), (1, 1, 1000, true), (0, 1, 1000, true), (2500, 3, 1000, true) })
            r.Value($"n={n} seed={seed} pool={pool} source={src}", Ids(ml.Data.ShuffleRows(Mem(n), seed, pool, src)));
        var file = ml.Data.LoadFromTextFile("ids.txt", new[] { new TextLoader.Column("Id", DataKind.Int32, 0) });
        r.Value("file", Ids(ml.Data.ShuffleRows(file, 1))); r.Value("fileNoSource", Ids(ml.Data.ShuffleRows(file, 2, 8, false)));
        var lazy = ml.Data.LoadFromEnumerable(Enumerable.Range(0, 20).Select(i => new Row { Id = i })); r.Value("lazy", Ids(ml.Data.ShuffleRows(lazy, 3)));
        var one = ml.Data.ShuffleRows(Mem(15), 4); r.Value("twice", new[] { Ids(one), Ids(one) });
        r.Value("seedFromContext", Ids(ml.Data.ShuffleRows(Mem(15)))); r.Value("seedFromContextAgain", Ids(ml.Data.ShuffleRows(Mem(15))));
        r.Value("cached", Ids(ml.Data.ShuffleRows(ml.Data.Cache(file), 5)));
        r.Value("canShuffle", new { Array = Mem(3).CanShuffle, Lazy = lazy.CanShuffle, File = file.CanShuffle, Cached = ml.Data.Cache(file).CanShuffle });
        r.Try("pool0", () => Ids(ml.Data.ShuffleRows(Mem(5), 1, 0)));
        r.Value("bootstrap", new[] { Ids(ml.Data.BootstrapSample(Mem(15), 2)), Ids(ml.Data.BootstrapSample(Mem(15), 2, true)), Ids(ml.Data.BootstrapSample(Mem(15), 9)) });
    }
}
