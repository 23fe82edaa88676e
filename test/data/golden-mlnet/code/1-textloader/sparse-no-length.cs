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

public static class Case_1_textloader_sparse_no_length
{
    public static void Run(MLContext ml, R r)
    {
        r.Try("inputSize", () => ml.Data.LoadFromTextFile("data.tsv", new TextLoader.Options { AllowSparse = true, InputSize = 5, Columns = new[] { new TextLoader.Column("F", DataKind.Single, 0, 4) } }));
        r.Try("noInputSize", () => ml.Data.LoadFromTextFile("data.tsv", new TextLoader.Options { AllowSparse = true, Columns = new[] { new TextLoader.Column("F", DataKind.Single, 0, 4) } }));
    }
}
