using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Which layers an adapter goes on, on the tiny BERT of the golden set (two blocks).</summary>
[TestClass]
public sealed class TargetSelectionTests
{
    private DisposeScope _scope = null!;
    private PretrainedModel _bert = null!;

    [TestInitialize]
    public void Open()
    {
        _scope = NewDisposeScope();
        _bert = PretrainedModel.Load(Path.Combine(GoldenFolder.Root, "bert"), HeadKind.SequenceClassification);
    }

    [TestCleanup]
    public void Close()
    {
        _bert.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    public void Without_names_the_defaults_of_the_architecture_are_taken()
        => CollectionAssert.AreEqual(
            new[] { "layer.0.attention.self.query", "layer.0.attention.self.value", "layer.1.attention.self.query", "layer.1.attention.self.value" },
            Paths(new LoraOptions()));

    [TestMethod]
    public void Methods_of_papers_with_targets_of_their_own_take_those()
    {
        CollectionAssert.AreEqual(new[] { "bert.encoder.layer.0.output.dense", "bert.encoder.layer.1.output.dense" }, Targets(new HydraOptions(), _bert));
        Assert.HasCount((2 * 6) + 1, Targets(new PacaOptions { Rank = 2 }, _bert));
        Assert.HasCount((2 * 6) + 1, Targets(new LoLduOptions { Rank = 2 }, _bert));
        Assert.HasCount((2 * 6) + 1, Targets(new MixtureOfShardsOptions { Rank = 2 }, _bert));
        using var vit = PretrainedModel.Load(Path.Combine(GoldenFolder.Root, "vit"), HeadKind.ImageClassification);
        Assert.IsTrue(Targets(new HydraOptions(), vit).Take(2).SequenceEqual(["vit.layers.0.attention.o_proj", "vit.layers.0.mlp.fc2"]));

        static string[] Targets(AdapterOptions options, PretrainedModel model) => [.. AdapterPlan.For(options, model.Backbone, new CopiedModules(["classifier"], [])).Targets];
    }

    [TestMethod]
    public void A_name_is_a_whole_path_element()
        => Assert.IsEmpty(Paths(new LoraOptions { TargetModules = TargetModules.Named("query", "alue") }).Where(p => p.EndsWith("value", StringComparison.Ordinal)));

    [TestMethod]
    public void A_pattern_must_match_the_whole_path()
        => CollectionAssert.AreEqual(
            new[] { "layer.1.attention.self.key" },
            Paths(new LoraOptions { TargetModules = TargetModules.Matching(@".*\.1\..*key") }));

    [TestMethod]
    public void Excluded_layers_win()
        => CollectionAssert.AreEqual(
            new[] { "layer.0.attention.self.query", "layer.1.attention.self.query" },
            Paths(new LoraOptions { ExcludeModules = TargetModules.Named("value") }));

    [TestMethod]
    public void Blocks_can_be_chosen()
        => CollectionAssert.AreEqual(
            new[] { "layer.1.attention.self.query", "layer.1.attention.self.value" },
            Paths(new LoraOptions { LayersToTransform = new[] { 1 }, LayersPattern = new[] { "layer" } }));

    // The first number of a path is its block; a whole path is chosen in any case.
    [TestMethod]
    public void Blocks_can_be_chosen_without_the_name_of_their_list_and_whole_paths_besides()
    {
        CollectionAssert.AreEqual(
            new[] { "layer.0.attention.self.query", "layer.1.attention.self.value" },
            Paths(new LoraOptions { LayersToTransform = new[] { 0 }, TargetModules = TargetModules.Named("query", "bert.encoder.layer.1.attention.self.value") }));
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Paths(new LoraOptions { LayersPattern = new[] { "layer" } })).Message, "LayersToTransform is not set; set both");
        Assert.ThrowsExactly<PeftException>(() => Paths(new LoraOptions { LayersToTransform = new[] { 0 }, LayersPattern = new[] { "h" } }));
    }

    [TestMethod]
    public void The_first_pattern_that_matches_the_end_of_a_path_decides()
    {
        var options = (LoraOptions)AdapterOptions.FromJson("""{"peft_type": "LORA", "r": 8, "rank_pattern": {"1.attention.self.query": 2, "query": 3, "self.value": 4, "ry": 5}}""", "file");
        Assert.AreEqual((2, 3, 4, 8), (Rank("layer.1.attention.self.query"), Rank("layer.0.attention.self.query"), Rank("layer.1.attention.self.value"), Rank("layer.0.attention.self.key")));

        int Rank(string path) => options.RankAndAlphaOf("bert.encoder." + path).Rank;
    }

    [TestMethod]
    public void Blocks_beside_a_pattern_are_refused()
        => Assert.ThrowsExactly<ArgumentException>(
            () => Paths(new LoraOptions { LayersToTransform = new[] { 1 }, TargetModules = TargetModules.Matching(".*query") }));

    [TestMethod]
    public void All_linear_is_every_linear_layer_but_the_head()
    {
        var paths = Paths(new LoraOptions { TargetModules = TargetModules.AllLinear });

        Assert.HasCount((2 * 6) + 1, paths); // and the pooler
        Assert.DoesNotContain("classifier", paths);

        // Files name the layers, by the shortest ends that mean no others.
        using var set = AdapterSet.Create("default", new LoraOptions { TargetModules = TargetModules.AllLinear }, _bert.Backbone, new CopiedModules(["classifier"], []), 0);
        CollectionAssert.AreEqual(new[] { "query", "key", "value", "dense" }, set.Options!.TargetModules!.Names!.ToArray());
        CollectionAssert.AreEqual(paths, Paths((LoraOptions)set.Options));
    }

    [TestMethod]
    public void A_target_that_matches_nothing_names_the_layers_there_are()
    {
        var error = Assert.ThrowsExactly<PeftException>(() => Paths(new LoraOptions { TargetModules = TargetModules.Named("q_proj") }));

        StringAssert.Contains(error.Message, "'q_proj' matches no layer");
        StringAssert.Contains(error.Message, "query, value");
    }

    [TestMethod]
    public void A_layer_of_another_kind_is_refused()
        => StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => Paths(new LoraOptions { TargetModules = TargetModules.Named("LayerNorm") })).Message,
            "bert.embeddings.LayerNorm");

    [TestMethod]
    [Timeout(10_000, CooperativeCancellation = false)]
    public void A_pattern_that_explodes_is_stopped()
        => StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => Paths(new LoraOptions { TargetModules = TargetModules.Matching("([a-z.0-9]+)+!") })).Message,
            "write a simpler one");

    private string[] Paths(LoraOptions options)
    {
        using var set = AdapterSet.Create(
            "default", options, _bert.Backbone, new CopiedModules(["classifier"], []), 0);
        return [.. set.Adapters.Where(a => a is Lora).Select(a => a.Path.Replace("bert.encoder.", "", StringComparison.Ordinal))];
    }
}
