using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Adapters;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Training;

/// <summary>What a run gives its method besides the steps.</summary>
[TestClass]
public sealed class TrainerRunTests
{
    private static readonly int[][] s_rows = [.. Enumerable.Range(0, 10).Select(k => new[] { 2, 5 + k, 3 })];
    private static readonly long[] s_labels = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1];

    [TestMethod]
    public void Rows_that_are_held_back_are_in_no_step_of_the_lead()
    {
        using var folder = new TinyBert();
        using var model = Model(folder);
        using var context = ForwardContext.TrainingWith(1, model.Adapter);
        using var run = new TrainerRun(model, s_rows, s_labels, context, batchSize: 2, epochs: 3);
        Assert.AreEqual(5, run.StepsPerEpoch);
        Assert.AreEqual(15, run.TotalSteps);
        Assert.ThrowsExactly<PeftException>(run.HeldBackLoss);

        var batches = run.Lead(new(7, HeldBack: 0.5, Seed: 3)).ToList();
        var held = run.HeldBackRows;

        Assert.HasCount(7, batches);
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 10).Except(held).ToArray(), batches.SelectMany(b => b).Distinct().ToArray());
        Assert.HasCount(5, held);
        for (var k = 0; k < 4; k++) // 3 batches, then the first again
        {
            using var scope = NewDisposeScope();
            Assert.IsTrue(float.IsFinite(run.HeldBackLoss().item<float>()));
        }

        run.EndLead();
        Assert.ThrowsExactly<PeftException>(run.HeldBackLoss);
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 10).ToArray(), run.Epoch(0).SelectMany(b => b).ToArray());
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => run.Lead(new(1, 0.01))).Message, "give more rows");
    }

    // The paper's 10 epochs of 100, in proportion for shorter runs; what is asked for stays as it is.
    [TestMethod]
    [DataRow(100, 5, null, false, 50)]
    [DataRow(300, 5, null, false, 50)]
    [DataRow(35, 5, null, false, 15)]
    [DataRow(3, 5, null, false, 5)]
    [DataRow(1, 5, null, false, 3)]
    [DataRow(1, 1, null, false, 1)]
    [DataRow(1, 5, null, true, 5)]
    [DataRow(3, 5, 10, true, 50)]
    [DataRow(3, 5, 2, false, 10)]
    public void A_method_measures_after_a_tenth_of_the_run_unless_told_when(int epochs, int steps, int? asked, bool isLead, long expected)
        => Assert.AreEqual(expected, new LossRun(() => zeros(1)) { Epochs = epochs, Epoch = steps }.StepsToMeasuring(asked, isLead));

    [TestMethod]
    [DataRow(1, 10)] // one step alone
    [DataRow(1, 2)]
    [DataRow(2, 5)]
    public void Methods_that_measure_on_the_way_do_so_in_the_shortest_run(int epochs, int batchSize)
    {
        using var folder = new TinyBert();
        TextExample[] rows = [.. TinyBert.Words.Select((word, k) => new TextExample(word, k % 2))];
        foreach (var options in new AdapterOptions[] { new HeatOptions(), new PearOptions(), new PearOptions { Checkpoint = PearCheckpoint.Distil } })
        {
            using var model = TextClassifier.Load(folder.Folder, new() { Labels = ["a", "b"], Adapter = options });
            Trainer.Fit(model, rows, new() { Epochs = epochs, BatchSize = batchSize });
            Assert.IsTrue(model.Adapter.Options is HeatOptions { SilentHeads: [{ Count: 2 }, ..] } or PearOptions { Donors.Count: > 0 }, options.Method.Name);
            Assert.IsTrue(model.Predict(["one"])[0].All(float.IsFinite));
        }
    }

    [TestMethod]
    public void The_losses_of_all_rows_have_no_dropout_and_carry_a_graph()
    {
        using var folder = new TinyBert();
        using var model = Model(folder);
        using var context = ForwardContext.TrainingWith(1, model.Adapter);
        using var run = new TrainerRun(model, s_rows, s_labels, context, batchSize: 2, epochs: 1);
        double sum = 0;

        var count = run.EachLoss(5, null, loss =>
        {
            sum += loss.item<float>();
            loss.backward();
        });

        using var scope = NewDisposeScope();
        using var predicting = ForwardContext.Predicting(model.Adapter);
        using var batch = new TokenBatch(s_rows, 0);
        var expected = nn.functional.cross_entropy(model.Logits(batch, predicting), tensor(s_labels));
        Assert.AreEqual(2, count);
        Assert.AreEqual(expected.item<float>(), sum / 2, 1e-5);
        expected.backward();
        // Once of each half, and once of the whole, which is their mean.
        var gradient = model.Adapter.TrainedParameters().First().Parameter.grad!;
        model.Adapter.TrainedParameters().First().Parameter.grad = null;
        run.EachLoss(10, 1, loss => loss.backward());
        Assert.IsTrue(gradient.allclose(model.Adapter.TrainedParameters().First().Parameter.grad! * 3, rtol: 1e-4, atol: 1e-6));
        Assert.AreEqual(1, run.EachLoss(2, 1, _ => { }));
    }

    private static TextClassifier Model(TinyBert folder)
        => TextClassifier.Load(folder.Folder, new() { Labels = ["even", "odd"], Adapter = new LoraOptions { Rank = 2, Dropout = 0.5, Start = LoraStart.Gaussian } });
}
