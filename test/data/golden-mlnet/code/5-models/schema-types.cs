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

public static class Case_5_models_schema_types
{
    public class Row { public string T; public bool B; public sbyte I1; public short I2; public int I4; public long I8; public byte U1; public ushort U2; public uint U4; public ulong U8; public float R4; public double R8; public DateTime When; public TimeSpan Span; public DateTimeOffset Off; public DataViewRowId Rid;
        [VectorType(2)] public float[] V; [VectorType(2)] public string[] W; [VectorType] public int[] Var; [VectorType(2, 3)] public double[] M; [KeyType(3)] public uint Key; [KeyType(9)] public byte KeyB; [KeyType(100)] public ulong KeyL; [KeyType(4), VectorType(2)] public uint[] KeyV; }

    public static void Run(MLContext ml, R r)
    {
        var def = SchemaDefinition.Create(typeof(Row));
        def["V"].AddAnnotation("SlotNames", new VBuffer<ReadOnlyMemory<char>>(2, new[] { "s0".AsMemory(), "s1".AsMemory() }), new VectorDataViewType(TextDataViewType.Instance, 2));
        def["Key"].AddAnnotation("KeyValues", new VBuffer<ReadOnlyMemory<char>>(3, new[] { "x".AsMemory(), "y".AsMemory(), "é".AsMemory() }), new VectorDataViewType(TextDataViewType.Instance, 3));
        def["R4"].AddAnnotation("Note", "free text".AsMemory(), TextDataViewType.Instance);
        var data = ml.Data.LoadFromEnumerable(new Row[0], def);
        data = ml.Transforms.CopyColumns("U2", "R8").Fit(data).Transform(data);
        var model = ml.Transforms.CopyColumns("Copy", "T").Fit(data);
        var file = r.Save("model.zip", f => ml.Model.Save(model, data.Schema, f));
        r.Schema("before", data.Schema);
        ml.Model.Load(file, out var schema);
        r.Schema("inputSchema", schema);
    }
}
