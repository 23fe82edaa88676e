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

public static class Case_1_textloader_enumerable_keyint
{
    public class Row { [KeyType(3)] public int A; }

    public static void Run(MLContext ml, R r)
    {
        r.Try("schemaDefinition", () => SchemaDefinition.Create(typeof(Row)).Select(c => new { c.MemberName, c.ColumnName, Type = c.ColumnType?.ToString() }));
        r.Try("view", () => ml.Data.LoadFromEnumerable(new Row[] { new Row() }));
    }
}
