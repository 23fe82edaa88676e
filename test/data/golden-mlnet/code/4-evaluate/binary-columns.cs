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

public static class Case_4_evaluate_binary_columns
{
    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("data.tsv", new[] { new TextLoader.Column("Truth", DataKind.Boolean, 0), new TextLoader.Column("S", DataKind.Single, 1), new TextLoader.Column("P", DataKind.Single, 2), new TextLoader.Column("Pred", DataKind.Boolean, 3), new TextLoader.Column("Weight", DataKind.Single, 4) }, hasHeader: true);
                r.Metrics("renamed", () => ml.BinaryClassification.Evaluate(data, "Truth", "S", "P", "Pred"));
                r.Metrics("renamedNonCalibrated", () => ml.BinaryClassification.EvaluateNonCalibrated(data, "Truth", "S", "Pred"));
                r.Metrics("defaults", () => ml.BinaryClassification.Evaluate(data)); r.Metrics("noScore", () => ml.BinaryClassification.Evaluate(data, "Truth")); r.Metrics("noProb", () => ml.BinaryClassification.Evaluate(data, "Truth", "S")); r.Metrics("noPred", () => ml.BinaryClassification.Evaluate(data, "Truth", "S", "P"));
                r.Metrics("scoreIsBool", () => ml.BinaryClassification.Evaluate(data, "Truth", "Pred", "P", "Pred")); r.Metrics("predIsFloat", () => ml.BinaryClassification.Evaluate(data, "Truth", "S", "P", "S")); r.Metrics("labelIsScore", () => ml.BinaryClassification.Evaluate(data, "S", "S", "P", "Pred"));
                r.Metrics("noPredNonCalibrated", () => ml.BinaryClassification.EvaluateNonCalibrated(data, "Truth", "S"));
    }
}
