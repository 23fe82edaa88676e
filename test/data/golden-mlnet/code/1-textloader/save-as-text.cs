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

public static class Case_1_textloader_save_as_text
{
    public static void Run(MLContext ml, R r)
    {
        var v = ml.Data.LoadFromTextFile("data.csv", new TextLoader.Options { Separators = new[] { ',' }, AllowQuoting = true, AllowSparse = false, HasHeader = true, Columns = new[] { new TextLoader.Column("T", DataKind.String, 0), new TextLoader.Column("V", DataKind.Single, 1, 5), new TextLoader.Column("B", DataKind.Boolean, 6), new TextLoader.Column("D", DataKind.Double, 1), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(7) }, new KeyCount(4)), new TextLoader.Column("I", DataKind.Int64, 7), new TextLoader.Column("W", DataKind.DateTime, 8) } });
        string S(IDataView d, char sep, bool head, bool schema, bool dense) { using var m = new MemoryStream(); ml.Data.SaveAsText(d, m, sep, head, schema, false, dense); return Encoding.UTF8.GetString(m.ToArray()); }
        r.Value("tab", S(v, '\t', true, true, false));
        r.Value("commaNoSchema", S(v, ',', true, false, false));
        r.Value("bare", S(v, ',', false, false, true));
        r.Value("semicolon", S(v, ';', false, true, false));
        var t = Path.GetTempFileName(); File.WriteAllText(t, S(v, '\t', true, true, false));
        r.Try("readBack", () => ml.Data.LoadFromTextFile(t, (TextLoader.Options)null));
        File.Delete(t);
    }
}
