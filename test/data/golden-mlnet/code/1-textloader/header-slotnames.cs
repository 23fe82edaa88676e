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

public static class Case_1_textloader_header_slotnames
{
    public static void Run(MLContext ml, R r)
    {
        foreach (var f in new[] { "short.csv", "long.csv", "quoted.csv" })
            r.Try(f, () => ml.Data.LoadFromTextFile(f, new TextLoader.Options { HasHeader = true, AllowQuoting = true, Separators = new[] { ',' }, Columns = new[] { new TextLoader.Column("F", DataKind.Single, 0, 3), new TextLoader.Column("S", DataKind.Single, 1) } }));
        r.Try("headerFile", () => ml.Data.LoadFromTextFile("noheader.csv", new TextLoader.Options { HeaderFile = "quoted.csv", AllowQuoting = true, Separators = new[] { ',' }, Columns = new[] { new TextLoader.Column("F", DataKind.Single, 0, 3) } }));
    }
}
