using Microsoft.ML;
using Microsoft.ML.Data;
using Outsider;

namespace FoundationTests.Outside;

/// <summary>A trainer, transformer and view written with the public API alone work here as on the real packages.</summary>
[TestClass]
public sealed class OutsiderTests
{
    public sealed class Flower
    {
        [VectorType(2)] public float[] Features { get; set; } = [];
        public string Kind { get; set; } = "";
    }

    private static Flower[] Flowers() => Enumerable.Range(0, 30)
        .Select(i => new Flower { Features = [i % 3 + 0.01f * i, 1 - i % 3], Kind = "abc"[i % 3].ToString() }).ToArray();

    private static (MLContext Context, IDataView Data, ITransformer Model) Trained()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Flowers());
        var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", "Kind")
            .Append(new NearestCentroidTrainer(ml))
            .Append(ml.Transforms.Conversion.MapKeyToValue("Named", "PredictedLabel"));
        return (ml, data, pipeline.Fit(data));
    }

    [TestMethod]
    public void Trains_in_a_chain_and_is_evaluated()
    {
        var (ml, data, model) = Trained();
        var scored = model.Transform(data);
        var metrics = ml.MulticlassClassification.Evaluate(scored);
        Assert.AreEqual(1, metrics.MicroAccuracy);
        Assert.Contains("a", metrics.ConfusionMatrix.GetFormattedConfusionTable());
        CollectionAssert.AreEqual(Flowers().Select(f => f.Kind).ToArray(), scored.GetColumn<string>("Named").ToArray());
    }

    [TestMethod]
    public void Comes_back_from_a_model_file_with_the_same_scores_and_can_be_rehydrated()
    {
        var (ml, data, model) = Trained();
        var trained = ((IEnumerable<ITransformer>)model).OfType<NearestCentroidTransformer>().Single();
        using var file = new MemoryStream();
        ml.Model.Save(trained, data.Schema, file);
        file.Position = 0;
        var loaded = new MLContext().Model.Load(file, out var schema);
        Assert.AreEqual("Vector<Single, 2>", schema["Features"].Type.ToString());
        var expected = trained.Transform(data).GetColumn<float[]>("Score").SelectMany(s => s).ToArray();
        CollectionAssert.AreEqual(expected, loaded.Transform(data).GetColumn<float[]>("Score").SelectMany(s => s).ToArray());

        var rehydrated = Persisted.Rehydrate(ml, loaded);
        CollectionAssert.AreEqual(expected, rehydrated.Transform(data).GetColumn<float[]>("Score").SelectMany(s => s).ToArray());
        Assert.IsTrue(rehydrated.Transform(data).Schema["Score"].HasSlotNames());
    }

    [TestMethod]
    public void A_step_that_saves_nothing_is_refused()
    {
        var ml = new MLContext();
        var data = ml.Data.LoadFromEnumerable(Flowers());
        var nothing = Assert.ThrowsExactly<InvalidOperationException>(() => ml.Model.Save(new BadSaver(false), data.Schema, new MemoryStream()));
        Assert.Contains("ModelSignature not specified!", nothing.Message);
        Assert.ThrowsExactly<NotSupportedException>(() => ml.Model.Save(new BadSaver(true), data.Schema, new MemoryStream()));
    }

    [TestMethod]
    public void Other_sources_are_seen_through_own_views()
    {
        var (ml, _, model) = Trained();
        var empty = new EmptyView([("Features", new VectorDataViewType(NumberDataViewType.Single, 2)), ("Kind", TextDataViewType.Instance)]);
        Assert.IsEmpty(model.Transform(empty).GetColumn<string>("Named"));
        Assert.AreEqual(0, ml.Data.Cache(empty).Preview().RowView.Length);
    }
}
