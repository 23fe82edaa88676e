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

public static class Case_4_evaluate_regression_columns
{
    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("data.tsv", new[] { new TextLoader.Column("Y", DataKind.Single, 0), new TextLoader.Column("Yhat", DataKind.Single, 1), new TextLoader.Column("T", DataKind.String, 0) });
        r.Metrics("renamed", () => ml.Regression.Evaluate(data, "Y", "Yhat")); r.Metrics("defaults", () => ml.Regression.Evaluate(data)); r.Metrics("noScore", () => ml.Regression.Evaluate(data, "Y")); r.Metrics("text", () => ml.Regression.Evaluate(data, "T", "Yhat")); r.Metrics("textScore", () => ml.Regression.Evaluate(data, "Y", "T"));
    }
}
