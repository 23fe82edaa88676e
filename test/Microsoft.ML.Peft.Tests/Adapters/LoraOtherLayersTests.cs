using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>LoRA and trained rows on embeddings and convolutions.</summary>
[TestClass]
public sealed class LoraOtherLayersTests
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
    public void A_convolution_in_groups_equals_two_convolutions()
    {
        var weight = randn(6, 2, 3);
        var layer = new Conv1dLayer("conv", 0, weight, randn(6), new ConvShape(3, 2, 1, 2));
        var adapter = Of(layer, new LoraOptions { Rank = 4, Alpha = 8 });
        var named = adapter.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        using (no_grad())
        {
            nn.init.normal_(named["lora_B"]);
        }

        CollectionAssert.AreEqual(new long[] { 4, 2, 3 }, named["lora_A"].shape);
        CollectionAssert.AreEqual(new long[] { 6, 2, 1 }, named["lora_B"].shape);
        var x = randn(2, 4, 9);
        var low = nn.functional.conv1d(x, named["lora_A"], null, 2, 1, groups: 2);
        var expected = nn.functional.conv1d(x, weight, layer.FrozenBias, 2, 1, groups: 2) + nn.functional.conv1d(low, named["lora_B"], null, 1, 0, groups: 2).mul(2);

        using (new MergedWeights([adapter]))
        {
            using var context = ForwardContext.Predicting();
            Golden.Close.Assert(expected.detach(), layer.Forward(x, context).detach(), "merged");
        }
    }

    [TestMethod]
    public void Patches_of_a_picture_take_an_adapter_through_the_model()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "vit", null));
        using var set = AdapterSet.Create(
            "default",
            new LoraOptions { Rank = 2, Start = LoraStart.Random, TargetModules = TargetModules.Named("projection", "patch_embedding") },
            golden.Model.Backbone,
            new CopiedModules([], []),
            0);
        var part = set.Adapters.Single();
        Assert.IsInstanceOfType<LoraConvolution>(part);
        using (no_grad())
        {
            nn.init.normal_(part.named_parameters().Single(p => p.name == "lora_B").parameter);
        }

        using var with = ForwardContext.Predicting(set);
        using var without = ForwardContext.Predicting();
        var (plain, adapted) = (golden.Forward(without).Logits, golden.Forward(with).Logits);
        Assert.IsFalse(plain.allclose(adapted));
        using var merged = set.Merge();
        Golden.Close.Assert(adapted.detach(), golden.Forward(without).Logits.detach(), "merged");
    }

    [TestMethod]
    public void Trained_rows_change_the_scores_of_a_shared_output_layer_too()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "gemma", null));
        using var set = AdapterSet.Create(
            "default", new TrainableTokensOptions { TokenIndices = [7, 9] }, golden.Model.Backbone, new CopiedModules([], []), 0);
        using var with = ForwardContext.Predicting(set);
        using var without = ForwardContext.Predicting();
        var plain = golden.Forward(without).Logits.detach();
        Golden.Close.Assert(plain, golden.Forward(with).Logits.detach(), "start");
        using (no_grad())
        {
            set.Parameters().Single().Parameter.mul_(3);
        }

        var adapted = golden.Forward(with).Logits.detach();
        Assert.IsFalse(plain.select(-1, 9).allclose(adapted.select(-1, 9)));
        using var merged = set.Merge();
        Golden.Close.Assert(adapted, golden.Forward(without).Logits.detach(), "merged");
    }

    [TestMethod]
    public void Tokens_outside_the_table_are_refused()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        var rows = golden.Model.Backbone.InputEmbedding!.Rows;
        StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => AdapterSet.Create(
                "default", new TrainableTokensOptions { TokenIndices = [(int)rows] }, golden.Model.Backbone, new CopiedModules([], []), 0)).Message,
            $"different ids from 0 to {rows - 1}");
    }

    [TestMethod]
    public void Tokens_of_an_output_layer_that_shares_the_table_are_refused()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "gemma", null));
        var options = new LoraOptions { TrainableTokenIndices = new(new Dictionary<string, int[]> { ["lm_head"] = [4] }) };
        StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => AdapterSet.Create("default", options, golden.Model.Backbone, new CopiedModules([], []), 0)).Message, "shares the table");
    }

    private static Adapter Of(Layer layer, LoraOptions options)
    {
        using var initialization = new Initialization(3);
        return options.CreateParts(new AdapterBuild([layer], initialization)).Single();
    }
}
