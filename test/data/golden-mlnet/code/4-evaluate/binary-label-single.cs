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

public static class Case_4_evaluate_binary_label_single
{
    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("data.tsv", new[] { new TextLoader.Column("Label", DataKind.Single, 0), new TextLoader.Column("Score", DataKind.Single, 1), new TextLoader.Column("Probability", DataKind.Single, 2), new TextLoader.Column("PredictedLabel", DataKind.Boolean, 3), new TextLoader.Column("Weight", DataKind.Single, 4) }, hasHeader: true);
                r.Metrics("calibrated", () => ml.BinaryClassification.Evaluate(data));
                r.Metrics("nonCalibrated", () => ml.BinaryClassification.EvaluateNonCalibrated(data));
    }
}
