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

public static class Case_4_evaluate_multiclass_names
{
    public class KD { public string Word; }

    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("data.tsv", new[] { new TextLoader.Column("Word", DataKind.String, 0), new TextLoader.Column("Score", DataKind.Single, 1, 3), new TextLoader.Column("PredictedLabel", DataKind.UInt32, new[] { new TextLoader.Range(4) }, new KeyCount(3)) }, hasHeader: true);
        var m = ml.Transforms.Conversion.MapValueToKey("Label", "Word").Fit(data).Transform(data);
        r.Metrics("named", () => ml.MulticlassClassification.Evaluate(m));
        r.Try("table", () => { using var sw = new StringWriter(); var cm = ml.MulticlassClassification.Evaluate(m).ConfusionMatrix; return cm.GetFormattedConfusionTable(); });
        r.Try("counts", () => { var cm = ml.MulticlassClassification.Evaluate(m).ConfusionMatrix; return new { A = cm.GetCountForClassPair(0, 1), B = cm.GetCountForClassPair(1, 0) }; });
        r.Metrics("missingLabel", () => ml.MulticlassClassification.Evaluate(data)); r.Metrics("missingScore", () => ml.MulticlassClassification.Evaluate(m, "Label", "Nope")); r.Metrics("missingPred", () => ml.MulticlassClassification.Evaluate(m, "Label", "Score", "Nope")); r.Metrics("predIsText", () => ml.MulticlassClassification.Evaluate(m, "Label", "Score", "Word")); r.Metrics("scoreIsKey", () => ml.MulticlassClassification.Evaluate(m, "Label", "Label")); r.Metrics("negativeTopK", () => ml.MulticlassClassification.Evaluate(m, topKPredictionCount: -1));
        var plain = ml.Transforms.Conversion.MapValueToKey("Label", "Word", maximumNumberOfKeys: 2).Fit(data).Transform(data); r.Metrics("fewerKeys", () => ml.MulticlassClassification.Evaluate(plain));
        var keys = ml.Data.LoadFromEnumerable(new[] { "cat", "dog", "eel", "extra" }.Select(x => new KD { Word = x })); var more = ml.Transforms.Conversion.MapValueToKey("Label", "Word", keyData: keys).Fit(data).Transform(data); r.Metrics("moreKeys", () => ml.MulticlassClassification.Evaluate(more));
    }
}
