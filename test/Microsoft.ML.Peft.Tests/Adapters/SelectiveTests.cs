using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Methods that train a model's own numbers, or scale them, on layers of every kind.</summary>
[TestClass]
public sealed class SelectiveTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void LN_tuning_goes_on_every_norm_where_no_target_is_named()
    {
        using var golden = Load("llama");
        using var adapter = Make(golden, new LnTuningOptions());

        Assert.AreEqual(5 * 32, adapter.TrainableCount); // two norms in each of two blocks, and the last one
        Assert.IsTrue(adapter.Parameters().All(p => p.FileName.EndsWith("ln_tuning_layers.weight", StringComparison.Ordinal)));
        AssertStartsAsBaseAndMerges(golden, adapter);
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("vit")]
    public void BitFit_trains_every_bias_under_its_own_name(string model)
    {
        using var golden = Load(model);
        using var adapter = Make(golden, new BitFitOptions());
        var biases = golden.Model.Layers.Where(l => l.FrozenBias is not null).ToList();

        Assert.AreEqual(biases.Sum(l => l.FrozenBias!.numel()), adapter.TrainableCount);
        Assert.IsTrue(adapter.Parameters().All(p => p.FileName.EndsWith(".bias", StringComparison.Ordinal)));
        AssertStartsAsBaseAndMerges(golden, adapter);
    }

    [TestMethod]
    public void BitFit_trains_the_chosen_biases()
    {
        using var golden = Load("bert");
        using var adapter = Make(golden, new BitFitOptions { TargetModules = new[] { "query", "intermediate.dense" } });

        Assert.AreEqual(2 * (32 + 64), adapter.TrainableCount);
        Assert.Contains("base_model.model.bert.encoder.layer.0.attention.self.query.bias", adapter.Parameters().Select(p => p.FileName));
        AssertStartsAsBaseAndMerges(golden, adapter);
    }

    [TestMethod]
    public void BitFit_refuses_a_model_without_biases()
    {
        using var golden = Load("llama");

        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => Make(golden, new BitFitOptions())).Message, "A model of type 'llama' has no biases");
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("bert")]
    [DataRow("gemma")]
    public void SSF_scales_and_shifts_the_output_of_every_operation(string model)
    {
        using var golden = Load(model);
        using var adapter = Make(golden, new SsfOptions { Start = SsfStart.Identity });
        var layers = golden.Model.Backbone.Layers.Where(l => l.FrozenWeight is not null && l is not EmbeddingLayer and not LinearLayer { ScoresVocabulary: true });

        Assert.AreEqual(layers.Sum(l => 2 * l.FrozenWeight!.size(0)), adapter.TrainableCount);
        AssertStartsAsBaseAndMerges(golden, adapter, merges: model != "gemma"); // Gemma's layers have no biases
        if (model != "gemma")
        {
            return;
        }

        Randomize(adapter);
        var norm = adapter.Adapters.OfType<WeightAdapter>().First();
        var (scale, weight) = (norm.named_parameters().First(p => p.name == "ssf_scale").parameter, norm.Target.FrozenWeight!);
        Assert.IsTrue(((1 + weight) * scale).allclose(1 + norm.Materialize(weight), 1e-5, 1e-5)); // its norms multiply by 1 + w
    }

    [TestMethod]
    public void SSF_counts_are_those_of_the_paper() // ViT-B/16 with one layer for q, k and v
    {
        long[] block = [768, 3 * 768, 768, 768, 3072, 768]; // norm, qkv, projection, norm, fc1, fc2

        Assert.AreEqual(205_824, 2 * ((12 * block.Sum()) + 768 + 768)); // patches, last norm
    }

    private static void AssertStartsAsBaseAndMerges(GoldenModel golden, AdapterSet adapter, bool merges = true)
    {
        using var _ = no_grad();
        var expected = Logits(golden);
        AssertClose(expected, Logits(golden, adapter));
        Randomize(adapter);
        var changed = Logits(golden, adapter);
        Assert.IsFalse(expected.allclose(changed, 1e-3, 1e-3), "random numbers change nothing");
        if (!merges)
        {
            Assert.ThrowsExactly<PeftException>(() => adapter.Merge());
            return;
        }

        using (adapter.Merge(safe: true))
        {
            AssertClose(changed, Logits(golden));
        }

        AssertClose(expected, Logits(golden));
    }

    private static void Randomize(AdapterSet adapter)
    {
        using var _ = no_grad();
        foreach (var (parameter, _) in adapter.TrainedParameters())
        {
            parameter.add_(randn_like(parameter).mul_(0.1));
        }
    }

    private static Tensor Logits(GoldenModel golden, params AdapterSet[] adapters)
    {
        using var context = ForwardContext.Predicting(adapters);
        return golden.Forward(context)["logits"];
    }

    private static GoldenModel Load(string model) => GoldenModel.Load(new(GoldenFolder.Root, model, null));

    private static AdapterSet Make(GoldenModel golden, AdapterOptions options) => AdapterSet.Create("test", options, golden.Model.Backbone, new([], []), seed: 1);

    private static void AssertClose(Tensor expected, Tensor actual) => Assert.IsTrue(expected.allclose(actual, 1e-4, 1e-4));
}

/// <summary>SSF on a linear layer.</summary>
[TestClass]
public sealed class SsfTests : Contracts.LinearAdapterContract
{
    protected override AdapterOptions Options => new SsfOptions();

    protected override bool StartsAsIdentity => false;

    protected override long TrainedNumbers(long inputs, long outputs) => 2 * outputs;
}
