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

public static class Case_1_textloader_sparse
{
    public static void Run(MLContext ml, R r)
    {
        var c = new[] { new TextLoader.Column("L", DataKind.Single, 0), new TextLoader.Column("F", DataKind.Single, 1, 6) };
        r.Try("sparse", () => ml.Data.LoadFromTextFile("data.tsv", c, allowSparse: true));
        r.Try("notAllowed", () => ml.Data.LoadFromTextFile("data.tsv", c, allowSparse: false));
        r.Try("inputSize", () => ml.Data.LoadFromTextFile("data.tsv", new TextLoader.Options { AllowSparse = true, InputSize = 8, Columns = new[] { new TextLoader.Column("L", DataKind.Single, 0), new TextLoader.Column("F", DataKind.Single, new[] { new TextLoader.Range(1, null) }) } }));
        r.Try("text", () => ml.Data.LoadFromTextFile("data.tsv", new TextLoader.Options { AllowSparse = true, InputSize = 8, Columns = new[] { new TextLoader.Column("T", DataKind.String, 0, 7) } }));
    }
}
