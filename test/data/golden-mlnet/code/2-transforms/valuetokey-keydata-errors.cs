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

public static class Case_2_transforms_valuetokey_keydata_errors
{
    public class Two { public string A, B; } public class Num { public int A; }

    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("../data.tsv", new[] {
                    new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("X", DataKind.Single, 2),
                    new TextLoader.Column("D", DataKind.Double, 3), new TextLoader.Column("B", DataKind.Boolean, 4), new TextLoader.Column("V", DataKind.Single, 5, 7),
                    new TextLoader.Column("Words", DataKind.String, 8, 9), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(10) }, new KeyCount(4)), new TextLoader.Column("I", DataKind.Int64, 11) }, hasHeader: true);
                r.Try("two", () => ml.Transforms.Conversion.MapValueToKey("Key", "Text", keyData: ml.Data.LoadFromEnumerable(new[] { new Two { A = "x", B = "y" } })).Fit(data));
                r.Try("otherType", () => ml.Transforms.Conversion.MapValueToKey("Key", "Text", keyData: ml.Data.LoadFromEnumerable(new[] { new Num { A = 1 } })).Fit(data).Transform(data));
                r.Try("otherTypeNumeric", () => ml.Transforms.Conversion.MapValueToKey("Key", "X", keyData: ml.Data.LoadFromEnumerable(new[] { new Num { A = 1 } })).Fit(data));
                r.Try("empty", () => ml.Transforms.Conversion.MapValueToKey("Key", "Text", keyData: ml.Data.LoadFromEnumerable(new Num[0])).Fit(data).Transform(data));
    }
}
