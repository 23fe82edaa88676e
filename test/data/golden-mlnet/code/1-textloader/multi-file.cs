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

public static class Case_1_textloader_multi_file
{
    public static void Run(MLContext ml, R r)
    {
        var o = new TextLoader.Options { HasHeader = true, Separators = new[] { ',' }, Columns = new[] { new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("W", DataKind.String, 1) } };
        r.View("two", ml.Data.CreateTextLoader(o).Load(new MultiFileSource("b.csv", "a.csv")));
        r.View("wildcard", ml.Data.LoadFromTextFile("*.csv", o));
        r.View("plus", ml.Data.LoadFromTextFile("a.csv+b.csv", o));
        r.View("subfolder", ml.Data.LoadFromTextFile("sub/*", o));
        o.MaxRows = 3;
        r.View("maxRows", ml.Data.CreateTextLoader(o).Load(new MultiFileSource("a.csv", "b.csv")));
    }
}
