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

public static class Case_2_transforms_take_skip
{
    static int[] Ids(IDataView v) { var l = new List<int>(); using var c = v.GetRowCursor(new[] { v.Schema["Id"] }); var g = c.GetGetter<int>(v.Schema["Id"]); int x = 0; while (c.MoveNext()) { g(ref x); l.Add(x); } return l.ToArray(); }

    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("../data.tsv", new[] {
                    new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("X", DataKind.Single, 2),
                    new TextLoader.Column("D", DataKind.Double, 3), new TextLoader.Column("B", DataKind.Boolean, 4), new TextLoader.Column("V", DataKind.Single, 5, 7),
                    new TextLoader.Column("Words", DataKind.String, 8, 9), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(10) }, new KeyCount(4)), new TextLoader.Column("I", DataKind.Int64, 11) }, hasHeader: true);
                foreach (long n in new long[] { 0, 1, 5, 14, 50 }) { r.Try("take" + n, () => new { Ids = Ids(ml.Data.TakeRows(data, n)), Count = ml.Data.TakeRows(data, n).GetRowCount() }); r.Try("skip" + n, () => new { Ids = Ids(ml.Data.SkipRows(data, n)), Count = ml.Data.SkipRows(data, n).GetRowCount() }); }
                r.Rows("skipTake", ml.Data.TakeRows(ml.Data.SkipRows(data, 3), 4), "Id"); r.Rows("takeSkip", ml.Data.SkipRows(ml.Data.TakeRows(data, 6), 4), "Id");
                r.Try("negTake", () => ml.Data.TakeRows(data, -1)); r.Try("negSkip", () => ml.Data.SkipRows(data, -1)); r.Try("zeroTakeColumn", () => ml.Data.TakeRows(data, 0).Preview().RowView.Length);
    }
}
