using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Procedures.ZeroShot;
using Peft.Estimators.FineTune;

namespace Peft.Estimators.Tests;

/// <summary>Pictures sorted by the names of their classes, after a few examples or none.</summary>
[TestClass]
public sealed class FewShotImageTests
{
    private static readonly MLContext Ml = new(seed: 1);
    private static readonly TinyClipFolder s_clip = new();
    private static readonly Picture[] s_shown = s_clip.Draw(4, 1);
    private static readonly IDataView s_test = Ml.Data.LoadFromEnumerable(s_clip.Draw(10, 2));

    private static FewShotImageOptions Options => new()
    {
        Model = s_clip.Model,
        ImageFolder = s_clip.Pictures,
        Templates = ["a photo of a {}"], // the tokenizer splits at spaces alone
        Training = new FewShotOptions { StepsPerShot = 20, LearningRate = 3e-2 },
        Augmentation = new() { MinArea = 0.5 },
        Seed = 4,
    };

    [ClassCleanup]
    public static void Clean() => s_clip.Dispose();

    [TestMethod]
    [DataRow("CLIP_SVD", "Image")]
    [DataRow("LORA", "Bytes")]
    public void A_few_pictures_teach_it_and_a_saved_model_predicts_the_same(string method, string column)
    {
        var options = Options with { Adapter = AdapterOptions.FromJson($$"""{"peft_type": "{{method}}"}""", "test"), InputColumn = column };
        using var chain = Fit(options);
        using var again = Fit(options);

        var model = chain.OfType<FewShotImageTransformer>().Single();
        Assert.AreEqual(80, model.Report!.Steps);
        Assert.AreEqual(model.TrainableCount, model.Model.Adapter!.TrainableCount);
        var metrics = Ml.MulticlassClassification.Evaluate(chain.Transform(s_test));
        Assert.IsGreaterThan(0.9, metrics.MicroAccuracy);
        Same(chain, again, exact: true); // the same seed

        var loaded = Load(Save(chain));

        Same(chain, loaded, exact: false); // row by row in place of batches
        using var rehydrated = (TransformerChain<ITransformer>)Ml.Peft().Rehydrate(loaded);
        Assert.AreEqual(model.TrainableCount, rehydrated.OfType<FewShotImageTransformer>().Single().TrainableCount);
        Assert.AreEqual(metrics.LogLoss, Ml.MulticlassClassification.Evaluate(rehydrated.Transform(s_test)).LogLoss, 1e-6);
        Same(chain, Load(Save(rehydrated)), exact: false);
    }

    [TestMethod]
    public void Without_an_adapter_it_is_zero_shot_with_every_template()
    {
        using var chain = Fit(Options with { Adapter = null, LogitScale = null, Templates = ["a photo of a {}", "a drawing of {}"] });
        var model = chain.OfType<FewShotImageTransformer>().Single();
        Assert.IsNull(model.Report);
        Assert.AreEqual(0, model.TrainableCount);
        CollectionAssert.AreEqual(TinyClipFolder.Colours, model.Labels.ToArray());

        // By the engine's own classifier.
        using var direct = new ZeroShotClassifier(model.Model.Model, new(TinyClipFolder.Colours, ["a photo of a {}", "a drawing of {}"]), text => model.Model.Tokenizer.Encode(text).Ids, 0);
        var pictures = s_shown.Select(row => Microsoft.ML.Peft.Inputs.Vision.RgbImage.Decode(row.Bytes)).ToArray();
        using var pixels = model.Model.Processor.Batch(pictures);
        using var expected = direct.Predict(pixels);
        var actual = chain.Transform(Ml.Data.LoadFromEnumerable(s_shown)).GetColumn<float[]>("Score").SelectMany(row => row).ToArray();
        Models.AssertClose(expected.data<float>().ToArray(), actual);
        StringAssert.Contains(Assert.ThrowsExactly<Microsoft.ML.Peft.PeftException>(() => model.SaveAdapter("none")).Message, "no adapter");
        Same(chain, Load(Save(chain)), exact: false);
    }

    [TestMethod]
    public void Shots_are_drawn_by_the_seed_and_a_referenced_base_is_not_in_the_file()
    {
        var options = Options with { Shots = 2, BaseModelStorage = BaseModelStorage.Reference };
        using var chain = Fit(options);
        Assert.AreEqual(40, chain.OfType<FewShotImageTransformer>().Single().Report!.Steps);
        Assert.AreEqual(6, chain.OfType<FewShotImageTransformer>().Single().Report!.Rows);

        var file = Save(chain);

        Assert.IsLessThan(new FileInfo(Path.Combine(s_clip.Model, "model.safetensors")).Length, file.Length);
        Same(chain, Load(file), exact: false);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Fit(options with { Shots = 9 })).Message, "has 4 rows; 9 are asked for");
    }

    [TestMethod]
    public void A_row_without_a_picture_has_no_class()
    {
        using var chain = Fit(Options with { Adapter = null });
        var rows = Ml.Data.LoadFromEnumerable([s_shown[0], new Picture { Colour = "red" }]);
        foreach (var model in new[] { chain, Load(Save(chain)) })
        {
            var keys = model.Transform(rows).GetColumn<uint>("PredictedLabel").ToArray();
            Assert.IsTrue(keys[0] > 0 && keys[1] == 0);
            Assert.IsTrue(model.Transform(rows).GetColumn<float[]>("Score").Last().All(float.IsNaN));
        }
    }

    [TestMethod]
    public void Wrong_columns_and_settings_are_refused()
    {
        var view = Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Picture.Colour)).Fit(s_test).Transform(s_test);
        Assert.HasCount(3, Refused(Options with { InputColumn = "Label", LabelColumn = "Colour" }).Split("it must be text (paths of pictures) or a vector of bytes"));
        Assert.HasCount(3, Refused(Options with { LabelColumn = "Colour" }).Split("it must be a key")); // fit and shape
        foreach (var bad in new[] { Options with { Templates = ["no place"] }, Options with { Shots = 0 }, Options with { LogitScale = 0 }, Options with { Training = new() { BatchSize = 0 } }, Options with { Model = "" } })
        {
            Assert.Throws<ArgumentException>(() => Ml.Transforms.PeftFewShotImages(bad));
        }

        var shape = Ml.Peft().FewShotImageClassification(s_clip.Model, new ClipSvdOptions { RankRatio = 0.9 }).GetOutputSchema(Shape());
        Assert.AreEqual(2, shape.Count(column => column.Name is "PredictedLabel" or "Score"));

        // Of the rows with the keys.
        static SchemaShape Shape() => Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Picture.Colour))
            .GetOutputSchema(Ml.Transforms.CustomMapping<Nothing, Picture>((_, _) => { }, null!).GetOutputSchema(new SchemaShape([])));

        string Refused(FewShotImageOptions options)
        {
            var estimator = Ml.Peft().FewShotImageClassification(options);
            var fit = Assert.ThrowsExactly<ArgumentException>(() => estimator.Fit(view)).Message;
            return fit + Assert.ThrowsExactly<ArgumentException>(() => estimator.GetOutputSchema(Shape())).Message;
        }
    }

    private static TransformerChain<ITransformer> Fit(FewShotImageOptions options)
        => Ml.Transforms.Conversion.MapValueToKey("Label", nameof(Picture.Colour))
            .Append<ITransformer>(Ml.Peft().FewShotImageClassification(options))
            .Fit(Ml.Data.LoadFromEnumerable(s_shown));

    private static byte[] Save(ITransformer model)
    {
        using var file = new MemoryStream();
        Ml.Model.Save(model, s_test.Schema, file);
        return file.ToArray();
    }

    private static ITransformer Load(byte[] file) => new MLContext().Model.Load(new MemoryStream(file), out _);

    private static void Same(ITransformer expected, ITransformer actual, bool exact)
    {
        var (one, other) = (expected.Transform(s_test), actual.Transform(s_test));
        foreach (var (a, b) in one.GetColumn<float[]>("Score").Zip(other.GetColumn<float[]>("Score")))
        {
            Assert.AreEqual(1, a.Sum(), 1e-5);
            Models.AssertClose(a, b);
            Assert.IsTrue(!exact || a.SequenceEqual(b));
        }

        CollectionAssert.AreEqual(one.GetColumn<uint>("PredictedLabel").ToArray(), other.GetColumn<uint>("PredictedLabel").ToArray());
    }

    private sealed class Nothing;
}
