using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Contracts;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What the registry says of each method, on a whole model: plan, merge, rows of one batch, files, status, conversion. A new method is here by itself.</summary>
[TestClass]
public sealed class EveryMethodTests : MethodOnModel
{
    // They change norms, tables or biases alone.
    private static readonly string[] s_noLora = ["BITFIT", "LN_TUNING", "SSF", "TRAINABLE_TOKENS"];

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void A_plan_is_what_is_made_and_a_file_gives_it_again(string method)
    {
        using var golden = Model(method);
        using var adapter = Moved(golden, method, 1);
        var plan = Options(golden, method).Plan(golden.Model.Backbone, WithoutHead);
        Assert.AreEqual(adapter.TrainableCount, plan.TrainableCount);
        Assert.AreEqual(adapter.Options!.CanMerge, plan.Merges);
        Assert.IsTrue(plan.Targets.Count > 0 || !adapter.Options.HasTargets);

        var folder = Folder["adapter"];
        AdapterCheckpoint.Write(adapter, folder, null, "base");
        using (var file = SafetensorsReader.Open(Path.Combine(folder, "adapter_model.safetensors")))
        {
            Assert.IsFalse(file.Entries.Keys.Any(key => key.Contains("adapter 1", StringComparison.Ordinal) || key.Contains("default", StringComparison.Ordinal)));
            Assert.IsTrue(file.Entries.Count > 0);
        }

        using var adapters = new AdapterCollection(golden.Model.Backbone);
        adapters.Load("read", folder);
        Golden.Close.Assert(Output(golden, ForwardContext.Predicting(adapter)), Output(golden, adapters.Predicting()), "read");
        Assert.AreEqual(method, adapters.ModelStatus().Methods["read"]);
        Assert.IsTrue(adapters.LayerStatus() is { Count: > 0 } places && places.All(place => place.Active.SequenceEqual(["read"])));
        using (adapters.Disable())
        {
            Assert.IsTrue(Output(golden, ForwardContext.Predicting()).bytes.SequenceEqual(Output(golden, adapters.Predicting()).bytes));
        }
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void It_merges_and_is_undone_to_the_last_bit_or_says_why_not(string method)
    {
        using var golden = Model(method);
        using var adapter = Moved(golden, method, 1);
        var (bare, expected) = (Output(golden, ForwardContext.Predicting()), Output(golden, ForwardContext.Predicting(adapter)));
        Assert.IsFalse(bare.shape.SequenceEqual(expected.shape) && bare.allclose(expected), "the adapter does nothing");
        if (!adapter.Options!.CanMerge)
        {
            StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => adapter.Merge()).Message, "cannot be merged");
            return;
        }

        using (adapter.Merge(safe: true))
        {
            Golden.Close.Assert(expected, Output(golden, ForwardContext.Predicting()), "merged", 1e-3);
        }

        Assert.IsTrue(bare.bytes.SequenceEqual(Output(golden, ForwardContext.Predicting()).bytes), "a bit of the base is another one");
        try
        {
            var (lora, errors) = AdapterConversion.ToLora(adapter, 64); // as wide as the widest layer: nothing is lost
            using var _ = lora;
            Assert.IsTrue(errors.All(error => error.RelativeError < 1e-3), string.Join(", ", errors));
            Golden.Close.Assert(expected, Output(golden, ForwardContext.Predicting(lora)), "as LoRA", 1e-3);
        }
        catch (PeftException error)
        {
            Assert.IsTrue(s_noLora.Contains(method), $"{method}: {error.Message}");
            StringAssert.Contains(error.Message, "in a way that LoRA cannot");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Rows_of_a_batch_have_their_own_or_it_says_why_not(string method)
    {
        using var golden = Model(method);
        using var first = Moved(golden, method, 1);
        using var second = Moved(golden, method, 2);
        if (!first.Options!.Method.MixesInBatch)
        {
            StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => ForwardContext.ByRow([first, null, second])).Message, "cannot share a batch with others");
            return;
        }

        var solo = new[] { Output(golden, ForwardContext.Predicting(first)), Output(golden, ForwardContext.Predicting()), Output(golden, ForwardContext.Predicting(second)) };
        Assert.IsFalse(solo[0].allclose(solo[2]), "the adapters do the same");
        var count = (int)solo[0].size(0);
        var mixed = Output(golden, ForwardContext.ByRow([.. Enumerable.Range(0, count).Select(k => new[] { first, null, second }[k % 3])]));
        for (var row = 0; row < count; row++)
        {
            Golden.Close.Assert(solo[row % 3].select(0, row), mixed.select(0, row), $"row {row}");
        }
    }
}
