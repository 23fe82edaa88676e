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

public static class Case_1_textloader_file_latin1
{
    public static void Run(MLContext ml, R r)
    {
        r.View("view", ml.Data.LoadFromTextFile("data.tsv", new[] { new TextLoader.Column("Text", DataKind.String, 0), new TextLoader.Column("N", DataKind.Int32, 1) }, hasHeader: true));
    }
}
