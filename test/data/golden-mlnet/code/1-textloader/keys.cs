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

public static class Case_1_textloader_keys
{
    public static void Run(MLContext ml, R r)
    {
        TextLoader.Column K(string n, DataKind k, int i, KeyCount c) => new TextLoader.Column(n, k, new[] { new TextLoader.Range(i) }, c);
        r.Try("view", () => ml.Data.LoadFromTextFile("data.tsv", new[] { K("B", DataKind.Byte, 0, new KeyCount(5)), K("U16", DataKind.UInt16, 0, new KeyCount(5)), K("U32", DataKind.UInt32, 0, new KeyCount(5)), K("U64", DataKind.UInt64, 0, new KeyCount(5)), K("All", DataKind.UInt32, 0, new KeyCount()),
            K("AllByte", DataKind.Byte, 0, new KeyCount()), new TextLoader.Column("Vec", DataKind.UInt32, new[] { new TextLoader.Range(0, 2) }, new KeyCount(3)), new TextLoader.Column("Raw", DataKind.String, 0) }));
        r.Try("intKey", () => ml.Data.LoadFromTextFile("data.tsv", new[] { K("I", DataKind.Int32, 0, new KeyCount(5)) }));
        r.Try("stringKey", () => ml.Data.LoadFromTextFile("data.tsv", new[] { K("I", DataKind.String, 0, new KeyCount(5)) }));
        r.Try("tooManyForByte", () => ml.Data.LoadFromTextFile("data.tsv", new[] { K("I", DataKind.Byte, 0, new KeyCount(300)) }));
    }
}
