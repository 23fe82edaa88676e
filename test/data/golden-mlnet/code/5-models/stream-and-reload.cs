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

public static class Case_5_models_stream_and_reload
{
    static object Steps(ITransformer t) => t is IEnumerable<ITransformer> chain ? chain.Select(Steps).ToArray() : t.GetType().Name.Split((char)96)[0];

    public static void Run(MLContext ml, R r)
    {
        var loader = ml.Data.CreateTextLoader(new[] {
                    new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("X", DataKind.Single, 2), new TextLoader.Column("D", DataKind.Double, 3), new TextLoader.Column("B", DataKind.Boolean, 4),
                    new TextLoader.Column("Numbers", DataKind.Single, 5, 7), new TextLoader.Column("Words", DataKind.String, 8, 9), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(10) }, new KeyCount(5)), new TextLoader.Column("Count", DataKind.Int32, 11) }, hasHeader: true, dataSample: new MultiFileSource("../data.tsv"));
                var data = loader.Load(new MultiFileSource("../data.tsv"));
                var est = ml.Transforms.Conversion.MapValueToKey("Key", "Text").Append(ml.Transforms.CopyColumns("C", "Numbers"));
                var file = r.Save("model.zip", f => { using var st = File.Create(f); ml.Model.Save(est.Fit(data), data.Schema, st); });
                var loaded = ml.Model.Load(file, out var schema);
                r.Save("again.zip", f => ml.Model.Save(loaded, schema, f));
                Dictionary<string, string> Bytes(string f) { using var z = System.IO.Compression.ZipFile.OpenRead(f); return z.Entries.ToDictionary(e => e.FullName, e => { using var m = new MemoryStream(); using var q = e.Open(); q.CopyTo(m); return Convert.ToHexString(m.ToArray()); }); }
                var one = Bytes("model.zip"); var two = Bytes("again.zip"); r.Value("same", one.ToDictionary(x => x.Key, x => two.TryGetValue(x.Key, out var y) && x.Value == y));
    }
}
