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

public static class Case_1_textloader_decimal_marker
{
    public static void Run(MLContext ml, R r)
    {
        foreach (var m in new[] { '.', ',' })
            r.Try("marker " + m, () => ml.Data.LoadFromTextFile("data.csv", new TextLoader.Options { Separators = new[] { ';' }, DecimalMarker = m, Columns = new[] { new TextLoader.Column("F", DataKind.Single, 0), new TextLoader.Column("D", DataKind.Double, 1), new TextLoader.Column("T", DataKind.String, 1) } }));
    }
}
