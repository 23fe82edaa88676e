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

public static class Case_2_transforms_mapvalue_dataview
{
    public static void Run(MLContext ml, R r)
    {
        var data = ml.Data.LoadFromTextFile("../data.tsv", new[] {
                    new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("X", DataKind.Single, 2),
                    new TextLoader.Column("D", DataKind.Double, 3), new TextLoader.Column("B", DataKind.Boolean, 4), new TextLoader.Column("V", DataKind.Single, 5, 7),
                    new TextLoader.Column("Words", DataKind.String, 8, 9), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(10) }, new KeyCount(4)), new TextLoader.Column("I", DataKind.Int64, 11) }, hasHeader: true);
                var map = ml.Data.LoadFromTextFile("map.tsv", new[] { new TextLoader.Column("Word", DataKind.String, 0), new TextLoader.Column("Score", DataKind.Single, 1), new TextLoader.Column("Vec", DataKind.Single, 1, 2), new TextLoader.Column("Note", DataKind.String, 3) });
                foreach (var c in new[] { "Score", "Vec", "Note" })
                    r.Try(c, () => { var v = ml.Transforms.Conversion.MapValue("Out", map, map.Schema["Word"], map.Schema[c], "Text").Fit(data).Transform(data); return ml.Transforms.SelectColumns("Id", "Text", "Out").Fit(v).Transform(v); });
                r.Try("keyOfKey", () => { var km = ml.Transforms.Conversion.MapValueToKey("WK", "Word").Fit(map).Transform(map); var d = ml.Transforms.Conversion.MapValueToKey("TK", "Text", keyData: ml.Transforms.SelectColumns("Word").Fit(map).Transform(map)).Fit(data).Transform(data);
                    var v = ml.Transforms.Conversion.MapValue("Out", km, km.Schema["WK"], km.Schema["Note"], "TK").Fit(d).Transform(d); return ml.Transforms.SelectColumns("Id", "Text", "TK", "Out").Fit(v).Transform(v); });
                r.Try("keyValue", () => { var km = ml.Transforms.Conversion.MapValueToKey("NK", "Note").Fit(map).Transform(map);
                    var v = ml.Transforms.Conversion.MapValue("Out", km, km.Schema["Word"], km.Schema["NK"], "Text").Fit(data).Transform(data); return ml.Transforms.SelectColumns("Id", "Text", "Out").Fit(v).Transform(v); });
                r.Try("reversed", () => { var v = ml.Transforms.Conversion.MapValue("Out", map, map.Schema["Note"], map.Schema["Word"], "Text").Fit(data).Transform(data); return ml.Transforms.SelectColumns("Id", "Out").Fit(v).Transform(v); });
    }
}
