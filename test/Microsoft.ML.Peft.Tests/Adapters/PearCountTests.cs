using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Heads;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>How many numbers Pear trains and keeps of ViT-B/16.</summary>
[TestClass]
public sealed class PearCountTests
{
    private const string Vit = """
        {"model_type": "vit", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "image_size": 224, "patch_size": 16}
        """;

    // LoRA of rank 8 on query and value: 24 places of 12,288 numbers.
    [TestMethod]
    [DataRow(PearCheckpoint.Frozen, 294_924)]
    [DataRow(PearCheckpoint.Mean, 156_684)]
    [DataRow(PearCheckpoint.None, 147_468)]
    [DataRow(PearCheckpoint.Distil, 147_468)]
    public void Over_Lora(PearCheckpoint checkpoint, long stored) => AssertCounts(new LoraOptions(), checkpoint, 24, 294_912, 147_468, stored);

    // AdaptFormer of width 8 with its biases: 12 places of 2·8·768 + 8 + 768 = 13,064 numbers.
    [TestMethod]
    [DataRow(PearCheckpoint.Frozen, 156_774)]
    [DataRow(PearCheckpoint.Mean, 82_998)]
    [DataRow(PearCheckpoint.None, 78_390)]
    [DataRow(PearCheckpoint.Distil, 78_390)]
    public void Over_AdaptFormer(PearCheckpoint checkpoint, long stored) => AssertCounts(new AdaptFormerOptions { Width = 8 }, checkpoint, 12, 156_768, 78_384 + 6, stored);

    private static void AssertCounts(AdapterOptions inner, PearCheckpoint checkpoint, int places, long before, long after, long stored)
    {
        using var model = PretrainedModel.WithoutWeights(ModelConfig.Parse(Vit, "config.json"), HeadKind.FeatureExtraction);
        using var set = AdapterSet.Create("x", new PearOptions { Checkpoint = checkpoint, Adapter = inner }, model.Backbone, new CopiedModules([], []), 1);
        Assert.HasCount(places, PearOptions.Sites(set));
        Assert.AreEqual(before, set.TrainableCount);
        using var training = (PearTraining)set.CreateTraining()!;

        training.Prune([.. Enumerable.Range(0, places).Select(k => (double)k)]);

        Assert.AreEqual(after, set.TrainableCount);
        Assert.AreEqual(stored, set.Count);
        Assert.AreEqual(stored, AdapterCheckpoint.Tensors(set).Sum(t => t.Value.numel()));
        var borrowers = PearOptions.Sites(set).Where(site => site.IsPruned).GroupBy(site => site.Donor).ToList();
        Assert.HasCount(places / 2, borrowers);
        Assert.IsTrue(borrowers.TrueForAll(b => b.Count() == 1 && b.Key!.Kind == b.Single().Kind));
    }
}
