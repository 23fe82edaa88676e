using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Hydra on whole models: where it goes, and what is merged into which weight.</summary>
[TestClass]
public sealed class HydraModelTests
{
    private static readonly CopiedModules s_none = new([], []);

    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    // In language models the last layer of each feed-forward part, in pictures that of the attention too, in CLIP the feed-forward part of the image encoder alone.
    [TestMethod]
    [DataRow("bert", "encoder.layer.0.output.dense, encoder.layer.1.output.dense")]
    [DataRow("vit", "layers.0.attention.o_proj, layers.0.mlp.fc2, layers.1.attention.o_proj, layers.1.mlp.fc2")]
    [DataRow("clip", "vision_model.encoder.layers.0.mlp.fc2, vision_model.encoder.layers.1.mlp.fc2")]
    public void It_goes_where_the_authors_put_it(string model, string ends)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, model, null));
        using var set = AdapterSet.Create("x", new HydraOptions(), golden.Model.Backbone, s_none, 0);
        var paths = set.Adapters.Select(part => part.Path).ToArray();
        var expected = ends.Split(", ");
        Assert.HasCount(expected.Length, paths, string.Join(", ", paths));
        Assert.IsTrue(expected.All(end => paths.Any(path => path.EndsWith(end, StringComparison.Ordinal))), string.Join(", ", paths));
    }

    // The authors' merge gives the attention's layer the weight of the feed-forward part's.
    [TestMethod]
    public void Layers_are_merged_by_their_own_weights()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "vit", null));
        using var set = AdapterSet.Create("x", new HydraOptions { ParallelRank = 2, SequentialRank = 2, UseBias = true }, golden.Model.Backbone, s_none, 0);
        Assert.AreEqual(2 * golden.Model.Backbone.Blocks.Count, set.Adapters.Count);
        using (no_grad())
        {
            foreach (var (parameter, _) in set.TrainedParameters())
            {
                nn.init.normal_(parameter, std: 0.1);
            }
        }

        var (bare, expected) = (Logits(), Logits(set));
        using (set.Merge())
        {
            Golden.Close.Assert(expected, Logits(), "merged");
        }

        Assert.IsFalse(bare.allclose(expected));
        Assert.IsTrue(bare.equal(Logits()).all().item<bool>());

        Tensor Logits(params AdapterSet[] with)
        {
            using var __ = no_grad();
            using var context = ForwardContext.Predicting(with);
            return golden.Forward(context).Logits;
        }
    }

    [TestMethod]
    public void A_model_that_stores_no_bias_there_is_not_written_with_one()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", null));
        using var folder = new TemporaryFolder();
        var source = Path.Combine(GoldenFolder.Root, "llama");
        using var biased = AdapterSet.Create("x", new HydraOptions { UseBias = true }, golden.Model.Backbone, s_none, 0);
        var error = Assert.ThrowsExactly<PeftException>(() => MergedModelFolder.Write(golden.Model, biased, source, Path.Combine(folder.Path, "a")));
        StringAssert.Contains(error.Message, "models of type 'llama' store none there");
        Assert.IsFalse(File.Exists(Path.Combine(folder.Path, "a", "model.safetensors")));

        using var plain = AdapterSet.Create("x", new HydraOptions(), golden.Model.Backbone, s_none, 0);
        MergedModelFolder.Write(golden.Model, plain, source, Path.Combine(folder.Path, "b"));
        using var read = PretrainedModel.Load(Path.Combine(folder.Path, "b"), HeadKind.CausalLanguageModel);
        Assert.AreEqual(golden.Model.Layers.Count, read.Layers.Count);
    }
}
