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

public static class Case_4_evaluate_binary_key_label
{
    public class KD { public string Word; }

    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("data.tsv", new[] { new TextLoader.Column("Label", DataKind.String, 0), new TextLoader.Column("Score", DataKind.Single, 1), new TextLoader.Column("Probability", DataKind.Single, 2), new TextLoader.Column("PredictedLabel", DataKind.Boolean, 3), new TextLoader.Column("Weight", DataKind.Single, 4) }, hasHeader: true);
                foreach (var n in new[] { "true,false", "false,true", "true,false,maybe", "true" })
                {
                    var keys = ml.Data.LoadFromEnumerable(n.Split(',').Select(x => new KD { Word = x }));
                    var d = ml.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(data).Transform(data);
                    r.Metrics(n, () => ml.BinaryClassification.EvaluateNonCalibrated(d));
                }
    }
}
