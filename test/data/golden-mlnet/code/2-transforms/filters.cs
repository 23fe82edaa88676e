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

public static class Case_2_transforms_filters
{
    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("../data.tsv", new[] {
                    new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("X", DataKind.Single, 2),
                    new TextLoader.Column("D", DataKind.Double, 3), new TextLoader.Column("B", DataKind.Boolean, 4), new TextLoader.Column("V", DataKind.Single, 5, 7),
                    new TextLoader.Column("Words", DataKind.String, 8, 9), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(10) }, new KeyCount(4)), new TextLoader.Column("I", DataKind.Int64, 11) }, hasHeader: true);
                r.Rows("x", ml.Data.FilterRowsByColumn(data, "X", -1, 3), "Id", "X");
                r.Rows("xLower", ml.Data.FilterRowsByColumn(data, "X", lowerBound: 0), "Id", "X"); r.Rows("xUpper", ml.Data.FilterRowsByColumn(data, "X", upperBound: 1.5), "Id", "X"); r.Rows("d", ml.Data.FilterRowsByColumn(data, "D", -1, 1), "Id", "D"); r.Rows("noBounds", ml.Data.FilterRowsByColumn(data, "X"), "Id", "X");
                r.Try("int", () => ml.Data.FilterRowsByColumn(data, "Id", 2, 5)); r.Try("text", () => ml.Data.FilterRowsByColumn(data, "Text", 2, 5)); r.Try("key", () => ml.Data.FilterRowsByColumn(data, "K", 0, 0.5)); r.Try("missing", () => ml.Data.FilterRowsByColumn(data, "Nope", 2, 5)); r.Try("reversed", () => ml.Data.FilterRowsByColumn(data, "X", 5, 2));
                r.Rows("keyFraction", ml.Data.FilterRowsByKeyColumnFraction(data, "K", 0.25, 0.75), "Id", "K"); r.Rows("keyFraction2", ml.Data.FilterRowsByKeyColumnFraction(data, "K", 0, 0.5), "Id", "K"); r.Try("keyFractionText", () => ml.Data.FilterRowsByKeyColumnFraction(data, "Text", 0, 0.5)); r.Try("keyFractionRange", () => ml.Data.FilterRowsByKeyColumnFraction(data, "K", -1, 2));
                r.Rows("missingX", ml.Data.FilterRowsByMissingValues(data, "X"), "Id", "X"); r.Rows("missingBoth", ml.Data.FilterRowsByMissingValues(data, "X", "D", "V"), "Id"); r.Try("missingText", () => ml.Data.FilterRowsByMissingValues(data, "Text")); r.Try("missingKey", () => ml.Data.FilterRowsByMissingValues(data, "K")); r.Try("missingInt", () => ml.Data.FilterRowsByMissingValues(data, "Id")); r.Try("missingNope", () => ml.Data.FilterRowsByMissingValues(data, "Nope")); r.Try("missingNone", () => ml.Data.FilterRowsByMissingValues(data));
    }
}
