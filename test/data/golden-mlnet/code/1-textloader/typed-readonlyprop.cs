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

public static class Case_1_textloader_typed_readonlyprop
{
    public class Row { [LoadColumn(0)] public int A { get; } [LoadColumn(1)] public int B { get; private set; } [LoadColumn(2)] public int C { get; set; } }

    public static void Run(MLContext ml, R r)
    {
        r.Try("view", () => ml.Data.LoadFromTextFile<Row>("data.csv", separatorChar: ','));
        r.Try("loaderSchema", () => ml.Data.CreateTextLoader<Row>(separatorChar: ',').GetOutputSchema());
    }
}
