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

public static class Case_1_textloader_space_separator
{
    public static void Run(MLContext ml, R r)
    {
        var cols = new[] { new TextLoader.Column("A", DataKind.String, 0), new TextLoader.Column("B", DataKind.String, 1), new TextLoader.Column("C", DataKind.String, 2) };
        r.View("plain", ml.Data.LoadFromTextFile("data.txt", cols, separatorChar: ' '));
        r.View("quoting", ml.Data.LoadFromTextFile("data.txt", cols, separatorChar: ' ', allowQuoting: true));
        r.View("trim", ml.Data.LoadFromTextFile("data.txt", cols, separatorChar: ' ', trimWhitespace: true));
    }
}
