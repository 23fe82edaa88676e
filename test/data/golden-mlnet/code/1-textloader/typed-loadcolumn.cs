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

public static class Case_1_textloader_typed_loadcolumn
{
    public class Row {
        [LoadColumn(0)] public int Id { get; set; }
        [LoadColumn(1), KeyType(3)] public uint Kind;
        [LoadColumn(2, 4), VectorType(3), ColumnName("Numbers")] public float[] Values { get; set; }
        [LoadColumn(new[] { 4, 2 }), VectorType(2)] public double[] Picked;
        [LoadColumn(5)] public string Text { get; set; }
        [LoadColumn(6)] public bool Flag { get; set; }
        [NoColumn, LoadColumn(6)] public string Skipped { get; set; }
    }

    public static void Run(MLContext ml, R r)
    {
        r.View("typed", ml.Data.LoadFromTextFile<Row>("data.csv", separatorChar: ',', hasHeader: true));
        r.View("loaderT", ml.Data.CreateTextLoader<Row>(separatorChar: ',', hasHeader: true).Load(new MultiFileSource("data.csv")));
        r.Value("objects", ml.Data.CreateEnumerable<Row>(ml.Data.LoadFromTextFile<Row>("data.csv", separatorChar: ',', hasHeader: true), false, ignoreMissingColumns: true));
    }
}
