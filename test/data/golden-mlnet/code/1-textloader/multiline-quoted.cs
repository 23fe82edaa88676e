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

public static class Case_1_textloader_multiline_quoted
{
    public static void Run(MLContext ml, R r)
    {
        foreach (var m in new[] { false, true })
            r.Try("multilines=" + m, () => ml.Data.LoadFromTextFile("data.csv", new TextLoader.Options { AllowQuoting = true, ReadMultilines = m, HasHeader = true, Separators = new[] { ',' }, Columns = new[] { new TextLoader.Column("Id", DataKind.String, 0), new TextLoader.Column("T", DataKind.String, 1), new TextLoader.Column("N", DataKind.String, 2) } }));
        r.Try("escape", () => ml.Data.LoadFromTextFile("escape.csv", new TextLoader.Options { AllowQuoting = true, EscapeChar = '\\', Separators = new[] { ',' }, Columns = new[] { new TextLoader.Column("A", DataKind.String, 0), new TextLoader.Column("B", DataKind.String, 1) } }));
        r.Try("escapeNoQuoting", () => ml.Data.LoadFromTextFile("escape.csv", new TextLoader.Options { AllowQuoting = false, EscapeChar = '\\', Separators = new[] { ',' }, Columns = new[] { new TextLoader.Column("A", DataKind.String, 0), new TextLoader.Column("B", DataKind.String, 1) } }));
    }
}
