using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Weighted (IA)³ adapters by hand-made sums.</summary>
[TestClass]
public sealed class Ia3CombinationTests
{
    private DisposeScope _scope = null!;
    private GoldenModel _golden = null!;

    [TestInitialize]
    public void Open()
    {
        _scope = NewDisposeScope();
        _golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", null));
    }

    [TestCleanup]
    public void Close()
    {
        _golden.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    public void Factors_are_summed_and_a_missing_layer_counts_as_nothing()
    {
        using var first = Set(2, ["k_proj", "down_proj"], ["down_proj"]);
        using var second = Set(10, ["v_proj", "down_proj"], ["down_proj"]);

        using var sum = AdapterCombination.Combine([first, second], [0.5, -0.25], "sum");

        var options = (Ia3Options)sum.Options!;
        CollectionAssert.AreEquivalent(new[] { "k_proj", "v_proj", "down_proj" }, options.TargetModules!.Names!.ToArray());
        CollectionAssert.AreEqual(new[] { "down_proj" }, options.FeedForwardModules!.Names!.ToArray());
        Assert.HasCount(first.Adapters.Count / 2 * 3, sum.Adapters);
        CollectionAssert.AreEqual(sum.Adapters.Select(p => ((Ia3)p).Layer.Index).Order().ToArray(), sum.Adapters.Select(p => ((Ia3)p).Layer.Index).ToArray());
        foreach (var part in sum.Adapters.Cast<Ia3>())
        {
            var expected = part.Path.EndsWith("k_proj", StringComparison.Ordinal) ? 0.5 * 2
                : part.Path.EndsWith("v_proj", StringComparison.Ordinal) ? -0.25 * 10
                : (0.5 * 2) - (0.25 * 10);
            var factors = part.parameters().Single();
            Golden.Close.Assert(full(factors.shape, expected), factors.detach(), part.Path);
            Assert.AreEqual(part.Path.EndsWith("down_proj", StringComparison.Ordinal), part.ScalesInput);
        }
    }

    [TestMethod]
    public void The_sum_is_written_and_read_as_any_other()
    {
        using var first = Set(2, ["k_proj", "down_proj"], ["down_proj"]);
        using var second = Set(3, ["k_proj", "up_proj"], []);
        using var sum = AdapterCombination.Combine([first, second], [1, 1], "sum", new() { Kind = CombinationKind.Linear });
        var folder = Directory.CreateTempSubdirectory("peft-combined-").FullName;
        try
        {
            AdapterCheckpoint.Write(sum, folder, "CAUSAL_LM", "base");
            using var read = _golden.ReadAdapter(folder, "read");
            Golden.Close.Assert(Logits(sum), Logits(read), "logits");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void Patterns_become_alternatives()
    {
        using var first = Set(2, TargetModules.Matching(".*k_proj"));
        using var second = Set(3, TargetModules.Matching(".*v_proj"));
        using var sum = AdapterCombination.Combine([first, second], [1, 1], "sum");

        Assert.AreEqual("(.*k_proj)|(.*v_proj)", sum.Options!.TargetModules!.Pattern);
        Assert.HasCount(first.Adapters.Count * 2, sum.Adapters);
    }

    [TestMethod]
    public void What_has_no_sum_is_refused()
    {
        using var outputs = Set(2, ["down_proj"], []);
        using var inputs = Set(2, ["down_proj"], ["down_proj"]);
        using var pattern = Set(2, TargetModules.Matching(".*down_proj"));
        using var lora = AdapterSet.Create("lora", new LoraOptions { TargetModules = (string[])["k_proj"] }, _golden.Model.Backbone, new CopiedModules([], []), 1);

        StringAssert.Contains(Refused([outputs, inputs]), "have no sum. Give them the same feed-forward modules");
        StringAssert.Contains(Refused([outputs, pattern]), "not one with the other");
        StringAssert.Contains(Refused([outputs, lora]), "'ia3 2' is not plain LoRA");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => AdapterCombination.Combine([outputs], [1], "x", new() { Kind = CombinationKind.Svd })).Message,
            "Kind is Svd; (IA)³ adapters are combined by the weighted sum");

        static string Refused(AdapterSet[] sets) => Assert.ThrowsExactly<PeftException>(() => AdapterCombination.Combine(sets, [1, 1], "x")).Message;
    }

    private AdapterSet Set(double factor, string[] targets, string[] feedForward) => Set(factor, (TargetModules)targets, feedForward);

    private AdapterSet Set(double factor, TargetModules targets, params string[] feedForward)
    {
        var options = new Ia3Options { TargetModules = targets, FeedForwardModules = feedForward };
        var set = AdapterSet.Create($"ia3 {factor}", options, _golden.Model.Backbone, new CopiedModules([], []), 1);
        using var _ = no_grad();
        foreach (var (parameter, _) in set.TrainedParameters())
        {
            parameter.fill_(factor);
        }

        return set;
    }

    private Tensor Logits(AdapterSet set)
    {
        using var context = ForwardContext.Predicting(set);
        return _golden.Forward(context).Logits.detach();
    }
}
