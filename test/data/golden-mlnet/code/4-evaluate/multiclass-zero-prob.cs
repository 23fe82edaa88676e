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

public static class Case_4_evaluate_multiclass_zero_prob
{
    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("data.tsv", new[] { new TextLoader.Column("Label", DataKind.UInt32, new[] { new TextLoader.Range(0) }, new KeyCount(3)), new TextLoader.Column("Score", DataKind.Single, 1, 3), new TextLoader.Column("PredictedLabel", DataKind.UInt32, new[] { new TextLoader.Range(4) }, new KeyCount(3)) });
                r.Metrics("plain", () => ml.MulticlassClassification.Evaluate(data));
                foreach (var k in new[] { 1, 2, 3, 4 }) r.Metrics("top" + k, () => ml.MulticlassClassification.Evaluate(data, topKPredictionCount: k));
    }
}
