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

public static class Case_1_textloader_typed_baseclass
{
    public class Base { [LoadColumn(0)] public int A { get; set; } } public class Row : Base { [LoadColumn(1)] public float B { get; set; } }

    public static void Run(MLContext ml, R r)
    {
        r.Try("view", () => ml.Data.LoadFromTextFile<Row>("data.csv", separatorChar: ','));
        r.Try("loaderSchema", () => ml.Data.CreateTextLoader<Row>(separatorChar: ',').GetOutputSchema());
    }
}
