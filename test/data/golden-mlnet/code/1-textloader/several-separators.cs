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

public static class Case_1_textloader_several_separators
{
    public static void Run(MLContext ml, R r)
    {
        var v = ml.Data.LoadFromTextFile("data.txt", new TextLoader.Options { Separators = new[] { ';', '|' }, Columns = new[] { new TextLoader.Column("A", DataKind.String, 0), new TextLoader.Column("B", DataKind.String, 1), new TextLoader.Column("C", DataKind.String, 2) } });
        r.View("view", v);
    }
}
