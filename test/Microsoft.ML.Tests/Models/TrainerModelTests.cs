using System.IO.Compression;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;

namespace FoundationTests.Models;

/// <summary>Trained models in the real package's format: the entries and bytes that it writes, and the same scores when they are read back.</summary>
[TestClass]
public sealed class TrainerModelTests
{
    public sealed class Row
    {
        public bool Label { get; set; }
        public float Number { get; set; }
        public string Kind { get; set; } = "";
        [VectorType(2)] public float[] Features { get; set; } = [];
    }

    private static (MLContext, IDataView) Data()
    {
        var random = new Random(5);
        var ml = new MLContext(1);
        var rows = Enumerable.Range(0, 60).Select(i =>
        {
            float a = (float)random.NextDouble(), b = (float)random.NextDouble();
            return new Row { Features = [a, b], Label = a + 0.3 * random.NextDouble() > 0.6, Number = 3 * a + b, Kind = a < 0.3 ? "low" : b < 0.5 ? "mid" : "high" };
        });
        var data = ml.Data.LoadFromEnumerable(rows.ToArray());
        return (ml, ml.Transforms.Conversion.MapValueToKey("Class", "Kind").Fit(data).Transform(data));
    }

    private static (byte[] Zip, Dictionary<string, byte[]> Entries) Save(MLContext ml, ITransformer model, DataViewSchema schema)
    {
        using var stream = new MemoryStream();
        ml.Model.Save(model, schema, stream);
        using var zip = new ZipArchive(new MemoryStream(stream.ToArray()));
        return (stream.ToArray(), zip.Entries.ToDictionary(e => e.FullName, e =>
        {
            using var entry = e.Open();
            using var all = new MemoryStream();
            entry.CopyTo(all);
            return all.ToArray();
        }));
    }

    private static byte[] Payload(byte[] key) => key[256..(256 + (int)BitConverter.ToInt64(key, 0x18))];

    private static string Signature(byte[] key) => Encoding.ASCII.GetString(key, 0x40, 8).Replace('\0', ' ')
        + $" {BitConverter.ToUInt32(key, 0x48):x}/{BitConverter.ToUInt32(key, 0x4C):x} " + Encoding.ASCII.GetString(key, 0x50, 24).TrimEnd('\0');

    private static byte[] Bytes(Action<BinaryWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream))
            write(writer);
        return stream.ToArray();
    }

    private static void AssertSameScores(ITransformer model, IDataView data, byte[] zip)
    {
        var loaded = new MLContext().Model.Load(new MemoryStream(zip), out var schema);
        Assert.AreEqual(model.GetType(), loaded.GetType());
        Assert.AreEqual(data.Schema.Count, schema.Count);
        var expected = model.Transform(data).Preview(100);
        var actual = loaded.Transform(data).Preview(100);
        CollectionAssert.AreEqual(expected.Schema.Select(c => c.Name + c.Type).ToArray(), actual.Schema.Select(c => c.Name + c.Type).ToArray());
        for (int i = 0; i < expected.RowView.Length; i++)
        {
            CollectionAssert.AreEqual(expected.RowView[i].Values.Select(v => Shown(v.Value)).ToArray(), actual.RowView[i].Values.Select(v => Shown(v.Value)).ToArray());
        }
    }

    private static string Shown(object value) => value is VBuffer<float> v ? string.Join(' ', v.DenseValues()) : value.ToString()!;

    [TestMethod]
    public void A_calibrated_binary_model()
    {
        var (ml, data) = Data();
        var model = ml.BinaryClassification.Trainers.LbfgsLogisticRegression().Fit(data);
        var (zip, entries) = Save(ml, model, data.Schema);
        const string root = "TransformerChain/";
        CollectionAssert.AreEquivalent(new[]
        {
            "TrainingInfo/Version.txt", root + "Model/Predictor/Model.key", root + "Model/Calibrator/Calibrator.txt", root + "Model/Calibrator/Model.key",
            root + "Model/Model.key", root + "TrainSchema", root + "Model.key", "Schema",
        }, entries.Keys);
        Assert.AreEqual("BIN PRED 10001/10001 BinaryPredXfer", Signature(entries[root + "Model.key"]));
        Assert.AreEqual("PMIXCALP 10001/10001 PMixCaliPredExec", Signature(entries[root + "Model/Model.key"]));
        Assert.AreEqual("LINEAR2C 20002/20001 Linear2CExec", Signature(entries[root + "Model/Predictor/Model.key"]));
        Assert.AreEqual("PLATTCAL 10001/10001 PlattCaliExec", Signature(entries[root + "Model/Calibrator/Model.key"]));
        // The feature column, the threshold and the column it is held against.
        CollectionAssert.AreEqual(Bytes(w => { w.Write(0); w.Write(0f); w.Write(1); }), Payload(entries[root + "Model.key"]));
        Assert.IsEmpty(Payload(entries[root + "Model/Model.key"]));
        CollectionAssert.AreEqual(Bytes(w => { w.Write(-1.0); w.Write(0.0); }), Payload(entries[root + "Model/Calibrator/Model.key"]));
        var linear = model.Model.SubModel;
        CollectionAssert.AreEqual(Bytes(w =>
        {
            w.Write(4);
            w.Write(linear.Bias);
            w.Write(2);
            w.Write(0);
            w.Write(2);
            w.Write(linear.Weights[0]);
            w.Write(linear.Weights[1]);
        }), Payload(entries[root + "Model/Predictor/Model.key"]));
        StringAssert.Contains(Encoding.UTF8.GetString(entries[root + "Model/Calibrator/Calibrator.txt"]), "A=-1\n");
        AssertSameScores(model, data, zip);
    }

    [TestMethod]
    public void Other_models_of_two_classes_and_of_numbers()
    {
        var (ml, data) = Data();
        var binary = ml.BinaryClassification.Trainers;
        var regression = ml.Regression.Trainers;
        var shown = new LbfgsLogisticRegressionBinaryTrainer.Options { ShowTrainingStatistics = true };
        foreach (var (model, signature) in new (ITransformer, string)[]
        {
            (binary.SdcaLogisticRegression().Fit(data), "PMIXCALP 10001/10001 PMixCaliPredExec"),
            (binary.LbfgsLogisticRegression(shown).Fit(data), "PMIXCALP 10001/10001 PMixCaliPredExec"),
            (binary.SdcaNonCalibrated().Fit(data), "LINEAR2C 20002/20001 Linear2CExec"),
            (binary.AveragedPerceptron().Fit(data), "LINEAR2C 20002/20001 Linear2CExec"),
            (regression.Sdca("Number").Fit(data), "LIN RGRS 20001/20001 LinearRegressionExec"),
            (regression.OnlineGradientDescent("Number").Fit(data), "LIN RGRS 20001/20001 LinearRegressionExec"),
            (regression.LbfgsPoissonRegression("Number").Fit(data), "POI RGRS 20001/20001 PoissonRegressionExec"),
        })
        {
            var (zip, entries) = Save(ml, model, data.Schema);
            Assert.AreEqual(signature, Signature(entries["TransformerChain/Model/Model.key"]));
            Assert.AreEqual(model is ISingleFeaturePredictionTransformer<RegressionModelParameters> ? "REG PRED" : "BIN PRED",
                Signature(entries["TransformerChain/Model.key"])[..8]);
            AssertSameScores(model, data, zip);
        }
        var threshold = ml.BinaryClassification.ChangeModelThreshold(binary.SdcaNonCalibrated().Fit(data), 0.25f);
        AssertSameScores(threshold, data, Save(ml, threshold, data.Schema).Zip);
    }

    [TestMethod]
    public void Models_of_several_classes()
    {
        var (ml, data) = Data();
        var trainers = ml.MulticlassClassification.Trainers;
        var model = trainers.LbfgsMaximumEntropy("Class").Fit(data);
        var (zip, entries) = Save(ml, model, data.Schema);
        Assert.AreEqual("MC  PRED 10002/10001 MulticlassPredXfer", Signature(entries["TransformerChain/Model.key"]));
        Assert.AreEqual("MULTI LR 10003/10001 MultiClassLRExec", Signature(entries["TransformerChain/Model/Model.key"]));
        // Feature, label, score and predicted label columns by their numbers in the table of strings.
        CollectionAssert.AreEqual(Bytes(w => { w.Write(0); w.Write(1); w.Write(2); w.Write(3); }), Payload(entries["TransformerChain/Model.key"]));
        CollectionAssert.AreEqual(Bytes(w => { w.Write(0); w.Write(1); w.Write(2); }), entries["TransformerChain/Model/LabelNames"]);
        VBuffer<float>[] weights = null!;
        model.Model.GetWeights(ref weights, out int classes);
        CollectionAssert.AreEqual(Bytes(w =>
        {
            w.Write(4);
            w.Write(2);
            w.Write(classes);
            foreach (float b in model.Model.GetBiases())
                w.Write(b);
            w.Write(0);
            w.Write(0);
            w.Write(2 * classes);
            foreach (float x in weights.SelectMany(v => v.DenseValues()))
                w.Write(x);
        }), Payload(entries["TransformerChain/Model/Model.key"]));
        AssertSameScores(model, data, zip);
        foreach (var other in new ITransformer[] { trainers.SdcaMaximumEntropy("Class").Fit(data), trainers.SdcaNonCalibrated("Class").Fit(data) })
            AssertSameScores(other, data, Save(ml, other, data.Schema).Zip);
    }

    /// <summary>Many weights of zero are left out: rows of slots and values for several classes, a sparse vector for one.</summary>
    [TestMethod]
    public void Sparse_weights()
    {
        var random = new Random(9);
        var ml = new MLContext(1);
        var schema = SchemaDefinition.Create(typeof(Wide));
        var rows = Enumerable.Range(0, 80).Select(i => new Wide { Features = Enumerable.Range(0, 40).Select(_ => (float)random.NextDouble()).ToArray() }).ToArray();
        foreach (var row in rows)
        {
            row.Label = row.Features[0] > 0.5;
            row.Class = row.Features[0] < 0.3f ? 0u : row.Features[1] < 0.5f ? 1u : 2u;
        }
        var data = ml.Data.LoadFromEnumerable(rows, schema);
        var binary = ml.BinaryClassification.Trainers.SdcaLogisticRegression(l1Regularization: 2, l2Regularization: 0.01f).Fit(data);
        Assert.IsGreaterThan(30, binary.Model.SubModel.Weights.Count(w => w == 0));
        var (zip, entries) = Save(ml, binary, data.Schema);
        Assert.IsLessThan(40, BitConverter.ToInt32(Payload(entries["TransformerChain/Model/Predictor/Model.key"]), 12), "number of indices");
        AssertSameScores(binary, data, zip);
        var classes = ml.MulticlassClassification.Trainers.SdcaMaximumEntropy("Class", l1Regularization: 2, l2Regularization: 0.01f).Fit(data);
        var (classZip, classEntries) = Save(ml, classes, data.Schema);
        Assert.AreEqual(4, BitConverter.ToInt32(Payload(classEntries["TransformerChain/Model/Model.key"]), 24), "number of row starts");
        AssertSameScores(classes, data, classZip);
    }

    public sealed class Wide
    {
        public bool Label { get; set; }
        [KeyType(3)] public uint Class { get; set; }
        [VectorType(40)] public float[] Features { get; set; } = [];
    }

    [TestMethod]
    public void A_pipeline_with_a_trainer_and_its_prediction_engine()
    {
        var (ml, data) = Data();
        var pipeline = ml.Transforms.NormalizeMinMax("Features").Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy("Class"))
            .Append(ml.Transforms.Conversion.MapKeyToValue("Guess", "PredictedLabel"));
        var model = pipeline.Fit(data);
        var (zip, _) = Save(ml, model, data.Schema);
        var loaded = ml.Model.Load(new MemoryStream(zip), out _);
        var expected = model.Transform(data).GetColumn<string>("Guess").ToArray();
        CollectionAssert.AreEqual(expected, loaded.Transform(data).GetColumn<string>("Guess").ToArray());
        var engine = ml.Model.CreatePredictionEngine<Row, Guessed>(loaded);
        var features = data.GetColumn<float[]>("Features").ToArray();
        for (int i = 0; i < 20; i++)
            Assert.AreEqual(expected[i], engine.Predict(new Row { Features = features[i], Kind = "low" }).Guess);
    }

    public sealed class Guessed
    {
        public string Guess { get; set; } = "";
    }
}
