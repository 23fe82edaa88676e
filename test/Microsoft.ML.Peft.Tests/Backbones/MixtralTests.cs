using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>What Mixtral's experts owe beyond the golden numbers.</summary>
[TestClass]
public sealed class MixtralTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Stacked_experts_give_what_experts_apart_give_and_each_is_written_as_it_was(bool bare)
    {
        using var family = new FamilyModel("mixtral");
        if (bare)
        {
            family.Edited.Rename(name => name.Replace("model.", "", StringComparison.Ordinal));
        }

        using var apart = family.Load();
        var expected = family.Outputs(apart);
        var before = family.Edited.Tensors.Keys.Order(StringComparer.Ordinal).ToArray();
        CollectionAssert.AreEqual(before.Select(name => bare && name != "lm_head.weight" ? "model." + name : name).Order(StringComparer.Ordinal).ToArray(), Merged(apart, family));

        var tensors = family.Edited.Tensors;
        foreach (var block in (string[])[bare ? "layers.0" : "model.layers.0", bare ? "layers.1" : "model.layers.1"])
        {
            Tensor One(int expert, string name) => tensors[$"{block}.block_sparse_moe.experts.{expert}.{name}.weight"];
            tensors[$"{block}.mlp.experts.gate_up_proj"] = stack([.. Enumerable.Range(0, 4).Select(e => cat([One(e, "w1"), One(e, "w3")]))]);
            tensors[$"{block}.mlp.experts.down_proj"] = stack([.. Enumerable.Range(0, 4).Select(e => One(e, "w2"))]);
        }

        family.Edited.Rename(name => name.Contains(".experts.", StringComparison.Ordinal) && name.Contains("block_sparse_moe", StringComparison.Ordinal) ? null
            : name.Replace("block_sparse_moe", "mlp", StringComparison.Ordinal));
        using var stacked = family.Load();
        Assert.IsTrue(expected["logits"].bytes.SequenceEqual(family.Outputs(stacked)["logits"].bytes));
        Assert.Contains("model.layers.1.mlp.experts.gate_up_proj", Merged(stacked, family));

        family.Edited.Tensors.Remove(bare ? "layers.1.mlp.experts.down_proj" : "model.layers.1.mlp.experts.down_proj");
        Assert.AreEqual(ModelFormatError.MissingTensor, Assert.ThrowsExactly<ModelFormatException>(() => family.Load()).Error);
    }

    [TestMethod]
    public void Experts_without_tokens_are_not_touched_and_others_add_up_as_the_formula_says()
    {
        using var _ = no_grad();
        var layers = new LayerList();
        var (routes, gateUp, down) = (randn(4, 6), randn(4, 10, 6), randn(4, 6, 5));
        var router = new RouterLayer("gate", 0, routes, 2, "gate");
        var sparse = new SparseFeedForward(
            router, new ExpertLayer("experts", "gate_up_proj", 1, gateUp, null), new ExpertLayer("experts", "down_proj", 2, down, null), x => nn.functional.silu(x), 0.5);
        var x = randn(7, 6);
        var shares = nn.functional.softmax(x.mm(routes.t()), 1);
        var expected = zeros(7, 6);
        for (var token = 0; token < 7; token++)
        {
            var (best, experts) = shares[token].topk(2);
            for (var k = 0; k < 2; k++)
            {
                var expert = experts[k].item<long>();
                var own = gateUp[expert].mv(x[token]);
                expected[token] += best[k] / best.sum() * down[expert].mv(nn.functional.silu(own[..5]) * own[5..]);
            }
        }

        using var context = ForwardContext.Predicting();
        Golden.Close.Assert(expected, sparse.Forward(x, context), "all tokens");

        using var first = ForwardContext.TrainingWith(5);
        using var second = ForwardContext.TrainingWith(5);
        var jittered = sparse.Forward(x, first);
        Assert.IsFalse(jittered.allclose(expected, 1e-3, 1e-3), "the router's noise acts while training");
        Assert.IsTrue(jittered.equal(sparse.Forward(x, second)).all().item<bool>());

        var chosen = router.Forward(x[..1], context).Experts.data<long>().ToArray();
        foreach (var expert in Enumerable.Range(0, 4).Where(e => !chosen.Contains(e)))
        {
            gateUp[expert].fill_(float.NaN);
        }

        Golden.Close.Assert(expected[..1], sparse.Forward(x[..1], context), "one token");
    }

    [TestMethod]
    [DataRow("mlp.gate", "model.layers.0.mlp.gate.weight")]
    [DataRow("mlp.experts", "model.layers.0.mlp.experts.down_proj")]
    public void Router_and_experts_can_be_trained_as_copies(string module, string key)
    {
        using var golden = global::Peft.Golden.GoldenModel.Load(new(GoldenFolder.Root, "mixtral", null));
        using var set = AdapterSet.Create("default", new LoraOptions { ModulesToSave = [module] }, golden.Model.Backbone, new([], []), 0);
        var copy = set.Parameters().Single(p => p.FileName == $"base_model.model.{key}").Parameter;
        using var context = ForwardContext.Predicting(set);

        golden.Loss(context).backward();

        Assert.IsGreaterThan(0, copy.grad!.abs().sum().item<float>());
        using var none = ForwardContext.Predicting();
        using var _ = no_grad();
        copy.mul_(0.5);
        var adapted = golden.Forward(context).Logits;
        using (set.Merge())
        {
            Golden.Close.Assert(adapted, golden.Forward(none).Logits, "merged");
        }
    }

    [TestMethod]
    public void The_layers_of_Mixtral_8x7B_hold_as_many_numbers_as_published()
    {
        var config = Microsoft.ML.Peft.Backbones.ModelConfig.Parse(
            """
            {"model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32,
            "num_local_experts": 8, "num_experts_per_tok": 2, "vocab_size": 32000, "max_position_embeddings": 32768, "tie_word_embeddings": false}
            """,
            "config.json");
        using var model = PretrainedModel.WithoutWeights(config, HeadKind.CausalLanguageModel);
        Assert.AreEqual(46_702_792_704, model.Layers.SelectMany(layer => layer.Tensors()).Sum(t => t.Tensor.numel()));

        var plan = new LoraOptions { Rank = 8, TargetModules = TargetModules.None, TargetParameters = ["mlp.experts.down_proj"] }.Plan(model.Backbone);
        Assert.AreEqual(32L * 8 * 8 * (14336 + 4096), plan.TrainableCount);
    }

    // Names of the tensors of a merged folder, whose model gives what the adapter gives.
    private static string[] Merged(PretrainedModel model, FamilyModel family)
    {
        using var set = AdapterSet.Create(
            "default", new LoraOptions { Rank = 2, Start = LoraStart.Random, TargetParameters = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"] }, model.Backbone, new([], []), 0);
        using var folder = new TemporaryFolder();
        MergedModelFolder.Write(model, set, family.Edited.Folder, folder.Path);
        using var merged = PretrainedModel.Load(folder.Path, family.Kind);
        var plain = family.Outputs(merged)["logits"];
        using (set.Merge())
        {
            Golden.Close.Assert(family.Outputs(model)["logits"], plain, "merged folder", 1e-6);
        }

        Assert.IsFalse(family.Outputs(model)["logits"].allclose(plain, 1e-3, 1e-3));
        using var file = SafetensorsReader.Open(Path.Combine(folder.Path, "model.safetensors"));
        return [.. file.Entries.Keys.Order(StringComparer.Ordinal)];
    }
}
