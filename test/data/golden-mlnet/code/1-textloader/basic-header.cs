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

public static class Case_1_textloader_basic_header
{
    public static void Run(MLContext ml, R r)
    {
        var v = ml.Data.LoadFromTextFile("data.tsv", new[] {
            new TextLoader.Column("Name", DataKind.String, 0), new TextLoader.Column("Score", DataKind.Single, 1),
            new TextLoader.Column("Count", DataKind.Int32, 2), new TextLoader.Column("Flag", DataKind.Boolean, 3) }, hasHeader: true);
        r.View("view", v);
    }
}
