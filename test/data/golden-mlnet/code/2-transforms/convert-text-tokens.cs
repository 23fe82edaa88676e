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

public static class Case_2_transforms_convert_text_tokens
{
    public class Row { public string T; }

    public static void Run(MLContext ml, R r)
    {
        var tokens = new[] { "", null, "1", "-1", "0.5", "true", "no", "300", "?", "NaN", "abc", " 7 ", "1e3", "2020-02-03", "01:02:03" };
        foreach (var kind in new[] { DataKind.Boolean, DataKind.SByte, DataKind.Byte, DataKind.Int16, DataKind.UInt16, DataKind.Int32, DataKind.UInt32, DataKind.Int64, DataKind.UInt64, DataKind.Single, DataKind.Double, DataKind.TimeSpan, DataKind.DateTime, DataKind.DateTimeOffset })
            r.Try(kind.ToString(), () => tokens.Select(t => { var v = ml.Data.LoadFromEnumerable(new[] { new Row { T = t } }); object o;
                try { var w = ml.Transforms.Conversion.ConvertType("O", "T", kind).Fit(v).Transform(v); o = ml.Transforms.SelectColumns("O").Fit(w).Transform(w); var q = new R(); q.Column("x", (IDataView)o, "O"); return new object[] { t, q.Root["x"][0].DeepClone() }; }
                catch (Exception e) { return new object[] { t, "throws " + e.GetType().Name + ": " + e.Message }; } }).ToArray());
    }
}
