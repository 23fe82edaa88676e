using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

[TestClass]
public sealed class PolyTests : LinearAdapterContract
{
    protected override AdapterOptions Options => new PolyOptions { Rank = 3, SkillCount = 2, SplitCount = 2 };

    protected override double Tolerance => 1e-4;

    protected override long TrainedNumbers(long inputs, long outputs) => (2 * 3 * (inputs + outputs)) + (1 * 2 * 2);

    [TestMethod]
    public void Skills_are_mixed_for_each_split_by_their_weights()
    {
        var layer = Layer();
        var adapter = Wrap(layer);
        Randomize(adapter);
        var (a, b, logits) = (Parameter(adapter, "poly_lora_A"), Parameter(adapter, "poly_lora_B"), Parameter(adapter, "module_logits"));
        var weights = logits.sigmoid().view(2, 2);
        weights = weights / weights.sum(1, keepdim: true);
        var left = cat([.. Enumerable.Range(0, 2).Select(q => (weights[q, 0] * a[q, 0]) + (weights[q, 1] * a[q, 1]))], 0);  // (6, 3)
        var right = cat([.. Enumerable.Range(0, 2).Select(q => (weights[q, 0] * b[q, 0]) + (weights[q, 1] * b[q, 1]))], 1); // (3, 4)
        var x = Input();

        AssertClose(Base(layer, x) + (x.matmul(left).matmul(right) / 3), adapter.call(x));
    }

    [TestMethod]
    public void Training_draws_the_weights()
    {
        var adapter = Wrap(Layer());
        Randomize(adapter);
        var x = Input();
        adapter.train();

        Assert.IsFalse(adapter.call(x).allclose(adapter.call(x)));
    }

    [TestMethod]
    public void Each_row_goes_by_its_task_and_a_batch_without_tasks_is_refused()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", "poly")); // its rows have the tasks 0, 1, 1
        using var context = ForwardContext.Predicting(golden.Adapter!);
        var expected = golden.Forward(context)["logits"];
        ModelInputs With(params long[] tasks) => new() { Tokens = golden.Inputs.Tokens, TaskIds = tasks.Length == 0 ? null : tensor(tasks) };

        var other = golden.Model.Forward(With(1, 1, 1), context)["logits"];
        Assert.IsFalse(expected[0].allclose(other[0]));
        AssertClose(expected[1..], other[1..]);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => golden.Model.Forward(With(), context)).Message, "set ModelInputs.TaskIds");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => golden.Model.Forward(With(0, 2, 1), context)).Message, "it must be from 0 to 1");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => golden.Adapter!.Merge()).Message, "POLY cannot be merged");
    }

    [TestMethod]
    public void A_task_by_itself_is_plain_lora_that_merges()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", "poly")); // its rows have the tasks 0, 1, 1
        using var _ = no_grad();
        using var together = ForwardContext.Predicting(golden.Adapter!);
        var expected = golden.Forward(together).Logits;
        for (var task = 0; task < 2; task++)
        {
            using var lora = PolyTask.ToLora(golden.Adapter!, task);
            using var context = ForwardContext.Predicting(lora);
            Golden.Close.Assert(expected.select(0, task), golden.Forward(context).Logits.select(0, task), $"task {task}");
            using (lora.Merge(safe: true))
            {
                using var bare = ForwardContext.Predicting();
                var merged = golden.Model.Forward(golden.Inputs, bare).Logits;
                Assert.AreEqual(expected.shape[0], merged.shape[0]);
            }
        }

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => PolyTask.ToLora(golden.Adapter!, 2));
        using var other = AdapterSet.Create("other", new LoraOptions(), golden.Model.Backbone, new([], []), 0);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => PolyTask.ToLora(other, 0)).Message, "'other' is LORA; Poly alone has tasks");
    }

    [TestMethod]
    [DataRow("\"n_skills\": 0", "SkillCount is 0; it must be")]
    [DataRow("\"poly_type\": \"mhr\"", "only 'poly' is known")]
    public void Settings_outside_their_range_are_refused(string field, string sentence)
    {
        var error = Assert.Throws<Exception>(() => AdapterOptions.FromJson($"{{\"peft_type\": \"POLY\", {field}}}", "adapter_config.json"));

        StringAssert.Contains(error.Message, sentence);
    }
}
