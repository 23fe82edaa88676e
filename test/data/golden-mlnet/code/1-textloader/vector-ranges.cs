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

public static class Case_1_textloader_vector_ranges
{
    public static void Run(MLContext ml, R r)
    {
        TextLoader.Options O(params TextLoader.Column[] c) => new TextLoader.Options { HasHeader = true, Columns = c };
        r.View("minmax", ml.Data.LoadFromTextFile("data.tsv", O(new TextLoader.Column("Label", DataKind.UInt32, 0), new TextLoader.Column("F", DataKind.Single, 1, 4))));
        r.View("ranges", ml.Data.LoadFromTextFile("data.tsv", O(new TextLoader.Column("F", DataKind.Double, new[] { new TextLoader.Range(4), new TextLoader.Range(1, 2) }), new TextLoader.Column("T", DataKind.String, new[] { new TextLoader.Range(5), new TextLoader.Range(0) }))));
        r.View("forceVector", ml.Data.LoadFromTextFile("data.tsv", O(new TextLoader.Column("F", DataKind.Single, new[] { new TextLoader.Range(2) { ForceVector = true } }))));
        r.View("autoEnd", ml.Data.LoadFromTextFile("data.tsv", O(new TextLoader.Column("F", DataKind.String, new[] { new TextLoader.Range(3) { AutoEnd = true } }))));
        r.View("rangeNullMax", ml.Data.LoadFromTextFile("data.tsv", O(new TextLoader.Column("F", DataKind.String, new[] { new TextLoader.Range(2, null) }))));
        r.Try("allOther", () => ml.Data.LoadFromTextFile("data.tsv", O(new TextLoader.Column("L", DataKind.Single, 0), new TextLoader.Column("N", DataKind.String, 5), new TextLoader.Column("Rest", DataKind.Single, new[] { new TextLoader.Range { AllOther = true } }))));
        r.Try("variableEnd", () => ml.Data.LoadFromTextFile("data.tsv", O(new TextLoader.Column("F", DataKind.String, new[] { new TextLoader.Range(1) { VariableEnd = true } }))));
        r.Try("boolVector", () => ml.Data.LoadFromTextFile("data.tsv", O(new TextLoader.Column("B", DataKind.Boolean, 0, 1))));
    }
}
