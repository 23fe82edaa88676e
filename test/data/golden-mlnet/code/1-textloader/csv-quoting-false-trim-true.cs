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

public static class Case_1_textloader_csv_quoting_false_trim_true
{
    public static void Run(MLContext ml, R r)
    {
        var v = ml.Data.LoadFromTextFile("data.csv", new[] { new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("N", DataKind.Single, 2) },
            separatorChar: ',', hasHeader: true, allowQuoting: false, trimWhitespace: true);
        r.Try("view", () => v);
    }
}
