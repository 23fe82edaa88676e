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

public static class Case_5_models_valuetokey_x
{
    static object Steps(ITransformer t) => t is IEnumerable<ITransformer> chain ? chain.Select(Steps).ToArray() : t.GetType().Name.Split((char)96)[0];

    public static void Run(MLContext ml, R r)
    {
        var loader = ml.Data.CreateTextLoader(new[] {
                    new TextLoader.Column("Id", DataKind.Int32, 0), new TextLoader.Column("Text", DataKind.String, 1), new TextLoader.Column("X", DataKind.Single, 2), new TextLoader.Column("D", DataKind.Double, 3), new TextLoader.Column("B", DataKind.Boolean, 4),
                    new TextLoader.Column("Numbers", DataKind.Single, 5, 7), new TextLoader.Column("Words", DataKind.String, 8, 9), new TextLoader.Column("K", DataKind.UInt32, new[] { new TextLoader.Range(10) }, new KeyCount(5)), new TextLoader.Column("Count", DataKind.Int32, 11) }, hasHeader: true, dataSample: new MultiFileSource("../data.tsv"));
                var data = loader.Load(new MultiFileSource("../data.tsv"));
                var est = ml.Transforms.Conversion.MapValueToKey("Key", "X", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByOccurrence);
                var model = est.Fit(data);
                var file = r.Save("model.zip", f => ml.Model.Save(model, data.Schema, f));
                // a reader starts here: load the golden file in a fresh context
                var loaded = new MLContext(7).Model.Load(file, out var schema);
                r.Schema("inputSchema", schema);
                r.Value("loadedType", loaded.GetType().Name);
                r.Value("steps", Steps(loaded));
                r.Schema("outputSchema", loaded.GetOutputSchema(data.Schema));
                r.Rows("rows", loaded.Transform(data), "Id", "Key");
                r.Value("isRowToRow", loaded.IsRowToRowMapper);
    }
}
