using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests;

/// <summary>The whole of load, train, predict, save on a tiny BERT.</summary>
[TestClass]
public sealed class TextClassifierTests
{
    private static readonly string[] s_labels = ["animal", "colour", "number"];

    private TinyBert _folder = null!;

    [TestInitialize]
    public void Open() => _folder = new TinyBert();

    [TestCleanup]
    public void Close() => _folder.Dispose();

    [TestMethod]
    public void Training_learns_and_the_base_stays()
    {
        using var model = Load();
        var before = Bytes(model.Model.Layers.SelectMany(l => l.Tensors()).Select(t => t.Tensor));

        var report = Trainer.Fit(model, Rows(), new() { Epochs = 20, BatchSize = 8, LearningRate = 1e-2 });

        Assert.IsLessThan(report.EpochLosses[0] / 2, report.FinalLoss);
        var right = Rows().Count(row => Best(model.Predict([row.Text])[0]) == row.Label);
        Assert.IsGreaterThanOrEqualTo(50, right); // of 54
        Assert.IsTrue(before.SequenceEqual(Bytes(model.Model.Layers.SelectMany(l => l.Tensors()).Select(t => t.Tensor))));
    }

    [TestMethod]
    public void A_base_in_BFloat16_learns_as_well()
    {
        using var model = TextClassifier.Load(
            _folder.Folder, new() { Labels = s_labels, Adapter = new LoraOptions { Rank = 4 }, Precision = ScalarType.BFloat16 });
        Assert.IsTrue(model.Adapter.Parameters().All(p => p.Parameter.dtype == ScalarType.Float32));
        Assert.Contains(ScalarType.BFloat16, model.Model.Layers.SelectMany(l => l.Tensors()).Select(t => t.Tensor.dtype));

        var report = Trainer.Fit(model, Rows(), new() { Epochs = 20, BatchSize = 8, LearningRate = 1e-2 });

        Assert.IsLessThan(report.EpochLosses[0] / 2, report.FinalLoss);
        var scores = model.Predict([.. Rows().Select(row => row.Text)]);
        Assert.IsGreaterThanOrEqualTo(50, scores.Zip(Rows()).Count(pair => Best(pair.First) == pair.Second.Label)); // of 54
        Assert.IsTrue(scores.All(row => Math.Abs(row.Sum() - 1) < 1e-5));
    }

    [TestMethod]
    [DataRow(0.0)]
    [DataRow(0.3)]
    public void The_same_seed_gives_the_same_adapter_whatever_ran_before(double dropout)
    {
        Assert.IsTrue(Trained(1).SequenceEqual(Trained(1)));
        Assert.IsFalse(Trained(1).SequenceEqual(Trained(2)));

        byte[] Trained(int seed)
        {
            using var _ = rand(7); // moves the default generator on
            using var model = Load(new LoraOptions { Rank = 2, Dropout = dropout }, seed);
            Trainer.Fit(model, Rows(), new() { Epochs = 2, BatchSize = 8 });
            return Bytes(model.Adapter.Parameters().Select(p => p.Parameter));
        }
    }

    [TestMethod]
    public void A_saved_model_predicts_the_same()
    {
        using var model = Load();
        Trainer.Fit(model, Rows(), new() { Epochs = 1, BatchSize = 8 });
        using var stream = new MemoryStream();
        model.Save(stream);

        using var loaded = TextClassifier.Load(stream.ToArray(), "package");

        var texts = Rows().Select(r => r.Text).ToArray();
        AssertSame(model.Predict(texts), loaded.Predict(texts));
        CollectionAssert.AreEqual(s_labels, loaded.Labels.ToArray());
        Assert.AreEqual(model.TotalCount, loaded.TotalCount);
    }

    [TestMethod]
    public void A_saved_adapter_predicts_the_same_on_its_base()
    {
        using var model = Load();
        Trainer.Fit(model, Rows(), new() { Epochs = 1, BatchSize = 8 });
        var folder = _folder.PathOf("adapter");
        model.SaveAdapter(folder);

        using var loaded = TextClassifier.LoadAdapter(_folder.Folder, folder, model.Settings with { Seed = 99 });

        var texts = Rows().Select(r => r.Text).ToArray();
        AssertSame(model.Predict(texts), loaded.Predict(texts));
    }

    [TestMethod]
    public void A_model_without_pooler_and_head_gets_new_ones_that_are_saved_with_the_adapter()
    {
        using (var reader = SafetensorsReader.Open(_folder.PathOf("model.safetensors")))
        {
            var kept = reader.Entries.Keys.Where(k => k.StartsWith("bert.", StringComparison.Ordinal) && !k.Contains("pooler", StringComparison.Ordinal))
                .ToDictionary(k => k["bert.".Length..], reader.Read); // a bare base model, as AutoModel saves it
            reader.Dispose();
            SafetensorsWriter.Write(_folder.PathOf("model.safetensors"), kept);
        }

        using var model = Load();
        StringAssert.Contains(model.Notes.Single(), "bert.pooler.dense, classifier");
        Assert.AreEqual((4 * 2 * (32 + 32)) + (3 * 33), model.TrainableCount); // four LoRA layers and the head; the pooler is kept, not trained
        Trainer.Fit(model, Rows(), new() { Epochs = 1, BatchSize = 8 });
        model.SaveAdapter(_folder.PathOf("adapter"));

        using var loaded = TextClassifier.LoadAdapter(_folder.Folder, _folder.PathOf("adapter"), model.Settings with { Seed = 99 });
        AssertSame(model.Predict(["red cat"]), loaded.Predict(["red cat"]));
        Assert.AreEqual(model.TrainableCount, loaded.TrainableCount);
        using var stream = new MemoryStream();
        loaded.Save(stream);
        using var again = TextClassifier.Load(stream.ToArray(), "package");
        Assert.AreEqual(model.TrainableCount, again.TrainableCount);
        again.SaveAdapter(_folder.PathOf("again"));
        using var last = TextClassifier.LoadAdapter(_folder.Folder, _folder.PathOf("again"), model.Settings);
        Assert.AreEqual(model.TrainableCount, last.TrainableCount);
        AssertSame(model.Predict(["red cat"]), last.Predict(["red cat"]));
    }

    [TestMethod]
    public void Neither_padding_nor_the_order_of_rows_changes_a_score()
    {
        using var model = Load();
        string[] texts = ["red", "one two three cat dog bird fish", "blue cat", "green"];
        var together = model.Predict(texts);

        for (var k = 0; k < texts.Length; k++)
        {
            var alone = model.Predict([texts[k]])[0];
            for (var c = 0; c < alone.Length; c++)
            {
                Assert.AreEqual(alone[c], together[k][c], 1e-5f);
            }

            Assert.AreEqual(1, together[k].Sum(), 1e-5f);
        }
    }

    [TestMethod]
    public void The_last_block_for_the_first_token_alone_equals_the_whole_block()
    {
        using var scope = NewDisposeScope();
        using var model = Load();
        using var context = ForwardContext.Predicting(model.Adapter);
        var encoder = (TextEncoder)model.Model.Backbone;
        using var batch = new TokenBatch([[2, 5, 6, 7, 3], [2, 8, 3]], padId: 0);

        var whole = encoder.Forward(batch, context).view(2, 5, 32).select(1, 0);

        Golden.Close.Assert(whole, encoder.Forward(batch, context, firstTokenOnly: true), "first token", 1e-5);
    }

    [TestMethod]
    public void Predicting_leaves_no_tensor_behind()
    {
        using var model = Load();
        model.Predict(["red"]);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        model.Predict(["red", "one two"]);

        Assert.AreEqual(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [TestMethod]
    public void Many_threads_predict_as_one()
    {
        using var model = Load();
        var texts = Rows().Select(r => r.Text).ToArray();
        var alone = model.Predict(texts);

        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ => AssertSame(alone, model.Predict(texts)));
    }

    private static IEnumerable<TextExample> Rows()
        => from first in TinyBert.Words.Take(9).Select((word, k) => (word, k))
           from second in TinyBert.Words.Take(6)
           select new TextExample($"{first.word} {second}", first.k < 3 ? 1 : first.k < 6 ? 2 : 0);

    private static int Best(float[] scores) => Array.IndexOf(scores, scores.Max());

    private static byte[] Bytes(IEnumerable<Tensor> tensors) => [.. tensors.SelectMany(t => t.bytes.ToArray())];

    private static void AssertSame(float[][] expected, float[][] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (var k = 0; k < expected.Length; k++)
        {
            CollectionAssert.AreEqual(expected[k], actual[k]);
        }
    }

    private TextClassifier Load(LoraOptions? options = null, int seed = 0)
        => TextClassifier.Load(_folder.Folder, new() { Adapter = options ?? new() { Rank = 2 }, Labels = s_labels, Seed = seed, MaxLength = 16 });
}
