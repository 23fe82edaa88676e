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

public static class Case_1_textloader_empty_files
{
    public static void Run(MLContext ml, R r)
    {
        var c = new[] { new TextLoader.Column("A", DataKind.String, 0), new TextLoader.Column("V", DataKind.Single, 1, 2) };
        foreach (var f in new[] { "empty.tsv", "header.tsv", "blank.tsv" }) { r.Try(f, () => ml.Data.LoadFromTextFile(f, c, hasHeader: true)); r.Try(f + " no header", () => ml.Data.LoadFromTextFile(f, c)); }
        r.Try("missing file", () => ml.Data.LoadFromTextFile("nothere.tsv", c));
    }
}
