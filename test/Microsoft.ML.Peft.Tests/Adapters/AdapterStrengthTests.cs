using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>LoRA that acts more or less strongly than it was trained, and the rates of LoRA+.</summary>
[TestClass]
public sealed class AdapterStrengthTests
{
    private DisposeScope _scope = null!;
    private GoldenModel _bert = null!;

    [TestInitialize]
    public void Open() => (_scope, _bert) = (NewDisposeScope(), GoldenModel.Load(new(GoldenFolder.Root, "bert", null)));

    [TestCleanup]
    public void Close()
    {
        _bert.Dispose();
        _scope.Dispose();
    }

    public static IEnumerable<object[]> Kinds =>
    [
        [new LoraOptions { Start = LoraStart.Random, Rank = 2 }],
        [new LoraOptions { Start = LoraStart.Random, Rank = 2, UseDora = true }],
        [new LoraOptions { Start = LoraStart.Random, Rank = 2, RankStabilized = true, TargetModules = TargetModules.Named("query", "word_embeddings") }],
        [new LoraOptions { Start = LoraStart.Random, Rank = 2, HasBias = true }],
    ];

    // s = f·α/r is the adapter of f times the α, whose file never holds s.
    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void It_is_the_adapter_of_another_alpha_and_comes_back_to_the_last_bit(LoraOptions options)
    {
        using var adapter = Set(options with { Alpha = 4 });
        using var stronger = Set(options with { Alpha = 12 });
        if (options.UseDora) // its lengths are those of the start, which the strength leaves
        {
            using var _ = no_grad();
            foreach (var (to, from) in stronger.Parameters().Zip(adapter.Parameters()))
            {
                to.Parameter.copy_(from.Parameter);
            }
        }

        var before = Logits(adapter);
        using (adapter.Strengthen(3))
        {
            Golden.Close.Assert(Logits(stronger), Logits(adapter), "stronger");
            using (adapter.Strengthen(0))
            {
                Assert.IsTrue(options.UseDora || Logits(null).allclose(Logits(adapter)));
            }

            Golden.Close.Assert(Logits(stronger), Logits(adapter), "nested");
        }

        Assert.IsTrue(before.bytes.SequenceEqual(Logits(adapter).bytes));
    }

    [TestMethod]
    public void What_has_no_strength_or_is_in_use_is_refused()
    {
        using var adapters = new AdapterCollection(_bert.Model.Backbone);
        adapters.Add("lora", new LoraOptions { Start = LoraStart.Random });
        adapters.Add("ia3", new Ia3Options());
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => adapters.Strengthen("ia3", 2)).Message, "'ia3' is IA3; the strength of LoRA alone");
        Assert.ThrowsExactly<ArgumentException>(() => adapters.Strengthen("lora", double.NaN));
        using (adapters.Predicting())
        {
            StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => adapters.Strengthen("lora", 2)).Message, "are open");
        }

        using (adapters.Strengthen("lora", 2))
        {
        }

        using (adapters.Merge())
        {
            StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => adapters.Strengthen("lora", 2)).Message, "is merged");
        }
    }

    // HF PEFT's create_loraplus_optimizer: embeddings, B and what has one dimension, biases and norms without decay, the rest.
    [TestMethod]
    public void Lora_plus_has_four_groups_for_every_part()
    {
        using var set = AdapterSet.Create(
            "adapter",
            new LoraOptions { Rank = 2, LoraPlusRatio = 16, LoraPlusEmbeddingRate = 5e-6, TargetModules = TargetModules.Named("query", "word_embeddings"), Bias = "lora_only" },
            _bert.Model.Backbone,
            new CopiedModules(["classifier"], []),
            1);
        using var dora = Set(new LoraOptions { Rank = 2, LoraPlusRatio = 16, UseDora = true });
        var groups = set.Parameters().Concat(dora.Parameters()).Zip(set.TrainedParameters().Concat(dora.TrainedParameters()), (named, trained) => (named.FileName, trained.Group)).ToList();

        foreach (var (name, group) in groups)
        {
            var isB = name.EndsWith("lora_B.weight", StringComparison.Ordinal) || name.EndsWith("magnitude_vector", StringComparison.Ordinal);
            var isBias = name.EndsWith(".bias", StringComparison.Ordinal);
            Assert.AreEqual(name.Contains("lora_embedding", StringComparison.Ordinal) ? 5e-6 : null, group.LearningRate, name);
            Assert.AreEqual(isB || isBias ? 16 : 1, group.LearningRateFactor, name);
            Assert.AreEqual(!isBias, group.Decays, name);
        }

        Assert.IsTrue(groups.Exists(g => g.FileName.EndsWith("classifier.bias", StringComparison.Ordinal)) && groups.Exists(g => g.FileName.EndsWith("base_layer.bias", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Settings_of_another_start_and_frozen_factors_of_other_layers_are_told()
    {
        using var set = Set(new LoraOptions { Eva = new(), LoftQ = new(), Start = LoraStart.Eva });
        StringAssert.Contains(set.Notes.Single(), "loftq_config is set and init_lora_weights is 'eva', not 'loftq'");
        StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => Set(new LoraOptions { FreezeA = true, TargetModules = TargetModules.Named("word_embeddings") })).Message, "FreezeA is set and ");
    }

    private AdapterSet Set(LoraOptions options) => AdapterSet.Create("adapter", options, _bert.Model.Backbone, new CopiedModules([], []), 1);

    private Tensor Logits(AdapterSet? adapter)
    {
        using var _ = no_grad();
        using var context = adapter is null ? ForwardContext.Predicting() : ForwardContext.Predicting(adapter);
        return _bert.Forward(context).Logits;
    }
}
