using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Which layers CLIP-SVD goes on, and how many numbers it trains.</summary>
[TestClass]
public sealed class ClipSvdLayersTests
{
    // Sizes of ViT-B/16; of the vision tower too, which has defaults of its own.
    private const string Clip = """
        {"model_type": "clip", "projection_dim": 512, "text_config": {"hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8, "num_hidden_layers": 12},
         "vision_config": {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12, "patch_size": 16, "image_size": 224}}
        """;

    [TestMethod]
    public void Counts_and_layers_of_Clip_are_those_of_the_paper()
    {
        using var model = PretrainedModel.WithoutWeights(ModelConfig.Parse(Clip, "config.json"), HeadKind.Contrastive);
        var plan = new ClipSvdOptions { LayersToTransform = new([3]) }.Plan(model.Backbone); // one block of each tower stands for twelve
        Assert.AreEqual(92_160, plan.TrainableCount * 12);
        Assert.HasCount(12, plan.Targets);
        CollectionAssert.AreEquivalent(new[] { "q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2" }, new ClipSvdOptions().DefaultTargets(model.Backbone).ToArray());
        var some = new ClipSvdOptions { TrainsTexts = false, Blocks = "top_bottom", TrainsFeedForward = false }.DefaultTargets(model.Backbone);
        Assert.HasCount(8 * 4, some);
        Assert.IsTrue(some.All(path => path.StartsWith("vision_model.encoder.layers.", StringComparison.Ordinal) && path.Contains("self_attn", StringComparison.Ordinal)));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ClipSvdOptions { Blocks = "upper" }.Validate()).Message, "'top'");

        // The paper's 0.04 % is of a model that keeps U and V in place of W, and s.
        var numbers = model.Layers.SelectMany(layer => layer.Tensors()).Sum(t => t.Tensor.numel());
        var names = TargetModules.Named(new ClipSvdOptions().DefaultTargets(model.Backbone));
        var expanded = numbers + model.Layers.OfType<LinearLayer>().Where(layer => names.Matches(layer.Path)).Sum(layer =>
            (new ClipSvdOptions().RankOf(layer.InFeatures, layer.OutFeatures) * (layer.InFeatures + layer.OutFeatures + 1)) - (layer.InFeatures * layer.OutFeatures));
        Assert.AreEqual(149_620_737, numbers);
        Assert.AreEqual(211_054_593, expanded);
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void By_default_every_linear_layer_of_every_block_is_trained(string name)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, name, null));
        using var set = AdapterSet.Create("x", new ClipSvdOptions(), golden.Model.Backbone, new CopiedModules([], []), 1);

        var expected = golden.Model.Layers.OfType<LinearLayer>().Where(layer => layer.Path.Split('.').Any(part => int.TryParse(part, out _)) && !IsBetweenBlocks(layer.Path)).Select(layer => layer.Path);

        CollectionAssert.AreEquivalent(expected.ToArray(), set.Adapters.OfType<LayerAdapter>().Select(part => golden.Model.Layers[part.Target.Index].Path).ToArray());
    }

    [TestMethod]
    [DataRow("t5", "q k v", "k v")]
    [DataRow("distilbert", "q_lin k_lin v_lin", "k_lin v_lin")]
    [DataRow("bert", "query key value", "key value")]
    [DataRow("gpt2", "c_attn", "")] // one layer for all three
    public void Switches_choose_layers_of_other_families_too(string name, string attention, string withoutQueries)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, name, null));
        var options = new ClipSvdOptions { TrainsOutputs = false, TrainsFeedForward = false };
        Assert.AreEqual(attention, Names(options));
        Assert.AreEqual(withoutQueries, Names(options with { TrainsQueries = false }));

        string Names(ClipSvdOptions of) => string.Join(' ', of.DefaultTargets(golden.Model.Backbone).Select(path => path[(path.LastIndexOf('.') + 1)..]).Distinct());
    }

    private static IEnumerable<object[]> Models => GoldenCase.In(GoldenFolder.Root).Where(c => c.Adapter is null).Select(c => new object[] { c.Model });

    // Swin's reductions, and the layers before and after the blocks of speech models.
    private static bool IsBetweenBlocks(string path) => path.Contains("downsample", StringComparison.Ordinal);
}
