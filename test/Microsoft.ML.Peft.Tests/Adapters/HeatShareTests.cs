using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static Microsoft.ML.Peft.Tests.Adapters.HeatModels;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Updates of silent heads.</summary>
[TestClass]
public sealed class HeatShareTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow("bert")]
    [DataRow("llama")]
    [DataRow("bloom")]
    public void The_update_of_a_silent_head_is_zero_and_stays_so(string model)
    {
        using var golden = Load(model);
        var options = new HeatOptions { Mask = HeadMasking.Delta, PrunedHeads = 2, WarmupEpochs = 1, Adapter = new LoraOptions { TargetModules = model == "bloom" ? ["query_key_value"] : model == "bert" ? ["query", "value"] : (string[])["q_proj", "v_proj"] } };
        using var set = Set(golden, options);
        Randomize(set);
        Step(golden, set, 9, 10, 11); // measured after step 10, then held against gradient and momentum

        var lora = set.Adapters.OfType<Lora>().ToDictionary(part => part.Target.Index);
        foreach (var mask in HeatOptions.Masks(set))
        {
            Assert.AreEqual(2, mask.Silent.Count(s => s));
            var heads = mask.Heads;
            for (var h = 0; h < heads.Heads; h++)
            {
                Assert.AreEqual(mask.Silent[h], IsZero(lora[heads.Query.Layer.Index], heads.Query.Of(h), heads.Size), $"query {h}");
                var served = Enumerable.Range(0, heads.Heads).Where(other => heads.KeyHeadOf(other) == heads.KeyHeadOf(h)); // themselves, or a group
                Assert.AreEqual(served.All(other => mask.Silent[other]), IsZero(lora[heads.Value.Layer.Index], heads.Value.Of(heads.KeyHeadOf(h)), heads.Size), $"value {h}");
            }
        }

        // What the layers of queries and values give for them is the base model's, to the bit.
        using var context = ForwardContext.Predicting(set);
        using var bare = ForwardContext.Predicting();
        foreach (var mask in HeatOptions.Masks(set))
        {
            var x = randn(3, mask.Heads.Query.Layer.InFeatures);
            var silent = Enumerable.Range(0, mask.Heads.Heads).First(h => mask.Silent[h]);
            Tensor Query(ForwardContext with) => mask.Heads.Query.Layer.Forward(x, with).narrow(1, mask.Heads.Query.Of(silent), mask.Heads.Size).contiguous();
            Assert.IsTrue(Query(bare).bytes.SequenceEqual(Query(context).bytes));
        }

        static bool IsZero(Lora part, long row, long size) => part.Delta().narrow(0, row, size).count_nonzero().item<long>() == 0;
    }
}
