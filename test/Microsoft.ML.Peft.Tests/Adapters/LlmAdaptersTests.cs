using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>The placements of LLM-Adapters as presets.</summary>
[TestClass]
public sealed class LlmAdaptersTests
{
    private static readonly CopiedModules s_none = new([], []);

    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Presets =>
        from model in (string[])["llama", "bloom", "opt", "gptj", "mistral", "qwen2", "qwen3", "gemma"]
        from kind in Enum.GetValues<LlmAdapterKind>()
        select new object[] { model, kind };

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DynamicData(nameof(Presets))]
    public void A_preset_trains_what_it_says_and_nothing_else(string model, LlmAdapterKind kind)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, model, null));
        var options = LlmAdapters.Preset(golden.Model.Backbone.Config, kind);
        using var adapter = AdapterSet.Create("a", options, golden.Model.Backbone, s_none, 0);
        var names = options.TargetModules?.Names ?? [];

        Assert.IsEmpty(adapter.Notes);
        Assert.IsTrue(names.All(name => adapter.Adapters.Count(part => part.Path.EndsWith("." + name, StringComparison.Ordinal)) == golden.Model.Backbone.Blocks.Count));

        var bare = Logits(golden);
        using (no_grad())
        {
            foreach (var (parameter, _) in adapter.TrainedParameters())
            {
                nn.init.normal_(parameter, 0, 0.1);
            }
        }

        using var context = ForwardContext.TrainingWith(1, adapter);
        golden.Forward(context).Logits.sum().backward();

        Assert.IsTrue(adapter.TrainedParameters().All(p => p.Parameter.grad is not null));
        Assert.IsTrue(golden.Model.Layers.SelectMany(l => l.Tensors()).All(t => !t.Tensor.requires_grad));
        Assert.IsFalse(bare.allclose(Logits(golden, adapter)));
        Assert.IsTrue(bare.equal(Logits(golden)).all().item<bool>(), "without the adapter the model is the base, to the bit");
    }

    [TestMethod]
    public void Biases_of_the_adapted_layers_can_be_trained_too()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "opt", null));
        var series = LlmAdapters.Preset("opt", LlmAdapterKind.Series);
        using var plain = AdapterSet.Create("a", series, golden.Model.Backbone, s_none, 0);
        using var biased = AdapterSet.Create("b", (LinearBottleneckOptions)series with { Bias = "adapter_only" }, golden.Model.Backbone, s_none, 0);

        Assert.AreEqual(2 * 32, biased.TrainableCount - plain.TrainableCount); // fc2 of two blocks
    }

    // Names of the authors' table; the parallel ones are those of queries, keys and values.
    [TestMethod]
    [DataRow("gate_proj up_proj fc1 fc_in c_fc dense_h_to_4h", BottleneckPlacement.SeriesInput)]
    [DataRow("down_proj fc2 fc_out c_proj dense_4h_to_h", BottleneckPlacement.SeriesOutput)]
    [DataRow("q_proj k_proj v_proj query_key_value", BottleneckPlacement.Parallel)]
    public void A_layer_s_name_says_where_the_network_stands(string names, BottleneckPlacement expected)
    {
        foreach (var name in names.Split(' '))
        {
            var layer = new LinearLayer("block.0." + name, 0, new DenseWeight(randn(4, 6)), null);
            Assert.AreEqual(expected, ((LinearBottleneck)MethodCase.Parts(new LinearBottleneckOptions { Width = 2 }, layer).Single()).Place, name);
        }
    }

    [TestMethod]
    public void A_model_that_the_paper_says_nothing_of_is_refused()
    {
        var message = Assert.ThrowsExactly<PeftException>(() => LlmAdapters.Preset("bert", LlmAdapterKind.Lora)).Message;
        StringAssert.Contains(message, "'bert'; it has some for bloom, gemma, gpt_neo, gptj, llama, mistral, opt, qwen2, qwen3.");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => LlmAdapters.Preset("llama", (LlmAdapterKind)9));
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        Assert.ThrowsExactly<PeftException>(() => AdapterSet.Create("a", new LinearBottleneckOptions(), golden.Model.Backbone, s_none, 0));
    }

    private static Tensor Logits(GoldenModel golden, params AdapterSet[] adapters)
    {
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(adapters);
        return golden.Forward(context).Logits;
    }
}
