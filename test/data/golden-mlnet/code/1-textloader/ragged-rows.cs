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

public static class Case_1_textloader_ragged_rows
{
    public static void Run(MLContext ml, R r)
    {
        r.View("view", ml.Data.LoadFromTextFile("data.tsv", new[] { new TextLoader.Column("A", DataKind.Single, 0), new TextLoader.Column("V", DataKind.Single, 1, 3), new TextLoader.Column("T", DataKind.String, 4), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(5) }, new KeyCount(4)) }));
    }
}
