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

public static class Case_2_transforms_composition_rows
{
    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("../data.tsv", new[] {
                    new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("X", DataKind.Single, 2),
                    new TextLoader.Column("D", DataKind.Double, 3), new TextLoader.Column("B", DataKind.Boolean, 4), new TextLoader.Column("V", DataKind.Single, 5, 7),
                    new TextLoader.Column("Words", DataKind.String, 8, 9), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(10) }, new KeyCount(4)), new TextLoader.Column("I", DataKind.Int64, 11) }, hasHeader: true);
                var v = ml.Data.FilterRowsByMissingValues(data, "X"); v = ml.Data.SkipRows(v, 1); v = ml.Data.ShuffleRows(v, 5); r.Rows("shuffled", v, "Id"); var t = ml.Data.TrainTestSplit(v, 0.4, seed: 2); r.Rows("train", t.TrainSet, "Id"); r.Rows("test", t.TestSet, "Id"); r.Rows("take", ml.Data.TakeRows(t.TrainSet, 3), "Id");
    }
}
