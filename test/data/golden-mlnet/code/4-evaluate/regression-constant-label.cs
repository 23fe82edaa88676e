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

public static class Case_4_evaluate_regression_constant_label
{
    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("data.tsv", new[] { new TextLoader.Column("Label", DataKind.Single, 0), new TextLoader.Column("Score", DataKind.Single, 1) });
                r.Metrics("metrics", () => ml.Regression.Evaluate(data));
    }
}
