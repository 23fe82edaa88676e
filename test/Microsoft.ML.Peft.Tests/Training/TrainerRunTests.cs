using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
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
