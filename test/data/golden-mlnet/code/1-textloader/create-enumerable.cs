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

public static class Case_1_textloader_create_enumerable
{
    public class Good { public float A { get; set; } public float[] V; public string T; [KeyType(3)] public uint K; }
    public class Missing { public float A; public float Nope; } public class Wrong { public int A; } public class WrongVec { [VectorType(3)] public double[] V; } public class WrongSize { [VectorType(4)] public float[] V; }
    public class KeyPlain { public uint K; } public class KeyOther { [KeyType(9)] public uint K; } public class Romc { public ReadOnlyMemory<char> T; public VBuffer<float> V; }

    public static void Run(MLContext ml, R r)
    {
        var v = ml.Data.LoadFromTextFile("data.csv", new[] { new TextLoader.Column("A", DataKind.Single, 0), new TextLoader.Column("V", DataKind.Single, 0, 2), new TextLoader.Column("T", DataKind.String, 3), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(4) }, new KeyCount(3)) }, separatorChar: ',');
        r.Try("good", () => ml.Data.CreateEnumerable<Good>(v, false).ToArray());
        r.Try("missing", () => ml.Data.CreateEnumerable<Missing>(v, false).ToArray());
        r.Try("missingIgnored", () => ml.Data.CreateEnumerable<Missing>(v, false, ignoreMissingColumns: true).ToArray());
        r.Try("wrongType", () => ml.Data.CreateEnumerable<Wrong>(v, false).ToArray());
        r.Try("wrongTypeIgnored", () => ml.Data.CreateEnumerable<Wrong>(v, false, ignoreMissingColumns: true).ToArray());
        r.Try("wrongVector", () => ml.Data.CreateEnumerable<WrongVec>(v, false).ToArray());
        r.Try("wrongSize", () => ml.Data.CreateEnumerable<WrongSize>(v, false).ToArray());
        r.Try("keyPlain", () => ml.Data.CreateEnumerable<KeyPlain>(v, false).ToArray());
        r.Try("keyOther", () => ml.Data.CreateEnumerable<KeyOther>(v, false).ToArray());
        r.Try("romc", () => ml.Data.CreateEnumerable<Romc>(v, false).ToArray());
    }
}
