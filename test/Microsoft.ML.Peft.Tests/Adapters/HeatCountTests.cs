using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Heads;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>How many numbers HEAT trains and stores.</summary>
[TestClass]
public sealed class HeatCountTests
{
    private const string Vit = """
        {"model_type": "vit", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "image_size": 224, "patch_size": 16}
        """;

    // 24 layers of 12,288 numbers, of which a third of B's 6,144 is left out.
    [TestMethod]
    public void The_count_of_a_file_for_ViT_is_met()
    {
        using var model = PretrainedModel.WithoutWeights(ModelConfig.Parse(Vit, "config.json"), HeadKind.FeatureExtraction);
        var options = new HeatOptions { Mask = HeadMasking.Delta, PrunedHeads = 4, SilentHeads = [.. Enumerable.Range(0, 12).Select(k => (int[])[k % 9, 9, 10, 11])] };
        using var set = AdapterSet.Create("x", options, model.Backbone, new CopiedModules([], []), 1);

        Assert.AreEqual(294_912, set.TrainableCount);
        Assert.AreEqual(245_760, AdapterCheckpoint.Tensors(set).Sum(t => t.Value.numel()));
    }
}
