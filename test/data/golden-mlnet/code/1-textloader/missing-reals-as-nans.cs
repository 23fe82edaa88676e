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

public static class Case_1_textloader_missing_reals_as_nans
{
    public static void Run(MLContext ml, R r)
    {
        foreach (var b in new[] { false, true })
            r.View("missingRealsAsNaNs=" + b, ml.Data.LoadFromTextFile("data.csv", new TextLoader.Options { Separators = new[] { ',' }, HasHeader = true, MissingRealsAsNaNs = b, Columns = new[] {
                new TextLoader.Column("A", DataKind.Single, 0), new TextLoader.Column("B", DataKind.Double, 1), new TextLoader.Column("V", DataKind.Single, 0, 3), new TextLoader.Column("S", DataKind.String, 2) } }));
    }
}
