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

public static class Case_1_textloader_no_columns
{
    public static void Run(MLContext ml, R r)
    {
        r.Try("view", () => ml.Data.LoadFromTextFile("data.tsv", (TextLoader.Options)null));
        r.Try("options", () => ml.Data.LoadFromTextFile("data.tsv", new TextLoader.Options { HasHeader = true }));
        r.Try("createNoSample", () => ml.Data.CreateTextLoader(new TextLoader.Options()).GetOutputSchema());
        r.Try("createSample", () => ml.Data.CreateTextLoader(new TextLoader.Options(), new MultiFileSource("data.tsv")).GetOutputSchema());
    }
}
