using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft;
using Peft.Estimators.FineTune;
using Peft.Estimators.Persistence;
using Peft.Estimators.Schema;

namespace Peft.Estimators.Tests;

/// <summary>Saved and loaded by ML.NET's own calls: the same predictions; rehydrated: the same transformer.</summary>
[TestClass]
public sealed class PersistenceTests
{
    private static readonly MLContext Ml = new(seed: 1);

    private static readonly Lazy<byte[]> s_trained = new(() => Save(Models.Trained, Data.View(Ml, 1).Schema));

    [TestMethod]
    public void A_loaded_model_predicts_the_same_numbers()
    {
        var loaded = Load(s_trained.Value);
        using var before = Engine<Predicted>(Models.Trained);
        using var after = Engine<Predicted>(loaded);

        foreach (var row in Data.Rows(9))
        {
            var (expected, actual) = (before.Predict(row), after.Predict(row));
            CollectionAssert.AreEqual(expected.Score, actual.Score, "every bit");
            Assert.AreEqual(expected.PredictedLabel, actual.PredictedLabel);
        }
    }

    [TestMethod]
    public void A_loaded_model_transforms_and_leaves_no_column_of_its_own()
    {
        var loaded = Load(s_trained.Value);
        var expected = Models.Trained.Transform(Data.View(Ml, 40));

        var view = loaded.Transform(Data.View(Ml, 40));

        CollectionAssert.AreEquivalent(Names(expected.Schema), Names(view.Schema));
        var rows = Ml.Data.CreateEnumerable<Predicted>(view, reuseRowObject: false).ToArray();
        foreach (var (one, other) in Ml.Data.CreateEnumerable<Predicted>(expected, reuseRowObject: false).Zip(rows))
        {
            Models.AssertClose(one.Score, other.Score);
            Assert.AreEqual(one.PredictedLabel, other.PredictedLabel);
        }
    }

    [TestMethod]
    public void The_package_of_a_loaded_model_is_opened_once()
    {
        var text = new SavedClassifier(Models.Untrained(Ml).Model, new("a", "b", "c"), new(LabelKind.Counted, Data.Sections), BaseModelStorage.Embedded).ToText().AsMemory();
        var opened = new TextClassifier[8];

        Parallel.For(0, opened.Length, i => opened[i] = OpenedPackages.Of(text));

        Assert.AreEqual(1, opened.Distinct().Count());
    }

    [TestMethod]
    public void Rehydrating_gives_the_transformer_back_and_it_can_be_evaluated()
    {
        using var rehydrated = (TransformerChain<ITransformer>)Ml.Peft().Rehydrate(Load(s_trained.Value));

        var model = rehydrated.OfType<PeftFineTuneTransformer>().Single();
        CollectionAssert.AreEqual(Data.Sections, model.Labels.ToArray());
        Assert.AreEqual(Models.Trained.OfType<PeftFineTuneTransformer>().Single().TrainableCount, model.TrainableCount);
        var expected = Ml.MulticlassClassification.Evaluate(Models.Trained.Transform(Data.View(Ml, 60)));
        var actual = Ml.MulticlassClassification.Evaluate(rehydrated.Transform(Data.View(Ml, 60)));
        Assert.AreEqual(expected.MicroAccuracy, actual.MicroAccuracy);
        Assert.AreEqual(expected.LogLoss, actual.LogLoss, 1e-7);
    }

    [TestMethod]
    public void A_rehydrated_model_can_be_saved_again()
    {
        using var rehydrated = (TransformerChain<ITransformer>)Ml.Peft().Rehydrate(Load(s_trained.Value));
        using var before = Engine<Predicted>(Models.Trained);

        using var after = Engine<Predicted>(Load(Save(rehydrated, Data.View(Ml, 1).Schema)));

        var row = Data.Rows(3)[2];
        CollectionAssert.AreEqual(before.Predict(row).Score, after.Predict(row).Score);
    }

    [TestMethod]
    public void A_referenced_base_model_is_not_in_the_file()
    {
        var folder = Directory.CreateTempSubdirectory("peft-").FullName;
        try
        {
            using var model = Models.Untrained(Ml, storage: BaseModelStorage.Reference);
            var row = Data.Rows(3)[1];
            using var before = Engine<PredictedKey>(model);

            var file = Save(model, Data.View(Ml, 1).Schema);

            Assert.IsLessThan(2_000_000, file.Length);
            using var after = Engine<PredictedKey>(Load(file));
            CollectionAssert.AreEqual(before.Predict(row).Score, after.Predict(row).Score);

            foreach (var part in Directory.GetFiles(Data.BaseModel))
            {
                File.Copy(part, Path.Combine(folder, Path.GetFileName(part)));
            }

            using var moved = Engine<PredictedKey>(Ml.Peft().Rehydrate(Load(file), folder));
            CollectionAssert.AreEqual(before.Predict(row).Score, moved.Predict(row).Score);
            var error = Assert.Throws<FormatException>(() => Ml.Peft().Rehydrate(Load(file), Path.Combine(folder, "none")));
            StringAssert.Contains(error.Message, Path.Combine(folder, "none"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void A_package_too_large_for_a_file_is_refused_while_it_is_written()
    {
        using var model = Models.Untrained(Ml);
        var saved = new SavedClassifier(model.Model, new("a", "b", "c"), new(LabelKind.Counted, Data.Sections), BaseModelStorage.Embedded);

        var error = Assert.ThrowsExactly<PeftException>(() => saved.ToText(maxPackage: 3 << 20));

        Assert.AreEqual(
            "The model's package is larger than 3 MB, which is what one file of ML.NET can hold; set BaseModelStorage to Reference.", error.Message);
    }

    [TestMethod]
    public void Rehydrating_leaves_other_models_alone()
    {
        var other = Ml.Transforms.CopyColumns("Copy", nameof(Row.Section)).Fit(Data.View(Ml, 1));
        var chain = Load(Save(other.Append(other), Data.View(Ml, 1).Schema));

        Assert.AreSame(other, Ml.Peft().Rehydrate(other));
        Assert.AreSame(chain, Ml.Peft().Rehydrate(chain));
    }

    [TestMethod]
    public void Rehydrating_keeps_the_scopes_of_the_steps()
    {
        using var model = Models.Untrained(Ml);
        var keys = Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Section)).Fit(Data.View(Ml, 3));
        var chain = new TransformerChain<ITransformer>([keys, model], [TransformerScope.TrainTest, TransformerScope.Everything]);

        using var rehydrated = (TransformerChain<ITransformer>)Ml.Peft().Rehydrate(Load(Save(chain, Data.View(Ml, 1).Schema)));

        Assert.HasCount(2, rehydrated.GetModelFor(TransformerScope.Testing).ToArray());
        Assert.HasCount(1, rehydrated.GetModelFor(TransformerScope.Scoring).ToArray());
    }

    public static IEnumerable<object[]> KeyTypes =>
    [
        [TextDataViewType.Instance, new[] { "b", "a b", "ü, \"\t" }],
        [NumberDataViewType.Int32, new[] { "7", "-3", "0" }],
        [NumberDataViewType.Single, new[] { "0.1", "-2.5", "1E+20" }],
        [NumberDataViewType.UInt32, new[] { "0", "1", "2" }],
        [BooleanDataViewType.Instance, new[] { "True", "False" }],
    ];

    [TestMethod]
    [DynamicData(nameof(KeyTypes))]
    public void Key_values_of_every_type_survive(PrimitiveDataViewType type, string[] names)
    {
        using var model = Models.Untrained(Ml, new(LabelKind.Of(type)!, names));
        var input = Data.View(Ml, 8);

        var loaded = Load(Save(model, input.Schema));

        var predicted = loaded.GetOutputSchema(input.Schema)["PredictedLabel"];
        Assert.AreEqual(new KeyDataViewType(typeof(uint), names.Length), predicted.Type);
        Assert.AreEqual(type, ((VectorDataViewType)predicted.Annotations.Schema["KeyValues"].Type).ItemType);
        CollectionAssert.AreEqual(names, LabelKind.Of(type)!.ReadKeyValues(predicted));
        CollectionAssert.AreEqual(Keys(model.Transform(input)), Keys(loaded.Transform(input)));
        using var rehydrated = (IDisposable)Ml.Peft().Rehydrate(loaded);
        CollectionAssert.AreEqual(names, LabelKind.Of(type)!.ReadKeyValues(((ITransformer)rehydrated).GetOutputSchema(input.Schema)["PredictedLabel"]));

        static uint[] Keys(IDataView view) => [.. Ml.Data.CreateEnumerable<PredictedKey>(view, reuseRowObject: false).Select(row => row.PredictedLabel)];
    }

    [TestMethod]
    public void Two_models_in_one_pipeline_keep_apart()
    {
        using var first = Models.Untrained(Ml, new(LabelKind.Counted, ["0", "1"]));
        using var second = Models.Untrained(Ml);
        var chain = first.Append(Ml.Transforms.CopyColumns("FirstScore", "Score").Fit(first.Transform(Data.View(Ml, 1)))).Append(second);

        var loaded = Load(Save(chain, Data.View(Ml, 1).Schema));

        var (expected, actual) = (chain.Transform(Data.View(Ml, 4)), loaded.Transform(Data.View(Ml, 4)));
        foreach (var column in new[] { "FirstScore", "Score" })
        {
            foreach (var (one, other) in expected.GetColumn<float[]>(column).Zip(actual.GetColumn<float[]>(column)))
            {
                Models.AssertClose(one, other);
            }
        }
    }

    [TestMethod]
    [DataRow("", "The saved model is damaged: it has no header.")]
    [DataRow("{\n", "The saved model is damaged: its header is no JSON.")]
    [DataRow("{}\n", "The saved model is damaged: its header is incomplete.")]
    [DataRow("""{"Version":9,"Input":"a","PredictedLabel":"b","Score":"c","LabelType":"String","Labels":["x","y"],"Storage":"Embedded"}""" + "\n",
        "The saved model is of version 9; this Peft.Estimators reads up to version 1: update it.")]
    [DataRow("""{"Version":1,"Input":"a","PredictedLabel":"b","Score":"c","LabelType":"Tensor","Labels":["x","y"],"Storage":"Embedded"}""" + "\n",
        "The saved model is damaged: labels of type 'Tensor' are unknown.")]
    [DataRow("""{"Version":1,"Input":"a","PredictedLabel":"b","Score":"c","LabelType":"String","Labels":["x","y"],"Storage":"Embedded"}""" + "\n***",
        "The saved model is damaged: its package is no base64.")]
    public void A_damaged_package_is_refused(string text, string sentence)
    {
        var error = Assert.ThrowsExactly<PeftException>(() => SavedClassifier.Read(text.AsMemory()));

        Assert.AreEqual(sentence, error.Message);
    }

    private static byte[] Save(ITransformer model, DataViewSchema schema)
    {
        using var file = new MemoryStream();
        Ml.Model.Save(model, schema, file);
        return file.ToArray();
    }

    private static ITransformer Load(byte[] file)
    {
        using var stream = new MemoryStream(file);
        return new MLContext().Model.Load(stream, out _);
    }

    private static PredictionEngine<Row, T> Engine<T>(ITransformer model)
        where T : class, new()
        => Ml.Model.CreatePredictionEngine<Row, T>(model, new PredictionEngineOptions { OwnsTransformer = false });

    private static string[] Names(DataViewSchema schema) => [.. schema.Where(column => !column.IsHidden).Select(column => column.Name)];
}
