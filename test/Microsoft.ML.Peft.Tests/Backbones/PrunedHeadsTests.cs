using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>Configurations with heads that were cut out.</summary>
[TestClass]
public sealed class PrunedHeadsTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow("bert", """{"0": [9]}""")]
    [DataRow("bert", """{"7": [0]}""")]
    [DataRow("bert", """{"0": [1, 1]}""")]
    [DataRow("bert", """{"0": [0, 1, 2, 3]}""")]
    [DataRow("vit", """{"first": [0]}""")]
    [DataRow("vit", """{"0": 1}""")]
    public void A_configuration_with_other_heads_is_refused(string name, string pruned)
    {
        using var copy = new ModelCopy(name);
        copy.Config["pruned_heads"] = JsonNode.Parse(pruned);
        StringAssert.Contains(Assert.ThrowsExactly<ModelFormatException>(() => copy.Load(HeadKind.FeatureExtraction)).Message, "'pruned_heads' is ");
    }

    [TestMethod]
    public void Models_that_have_all_heads_and_methods_for_all_heads_say_so()
    {
        using var llama = new ModelCopy("llama");
        llama.Config["pruned_heads"] = new JsonObject();
        llama.Load(HeadKind.CausalLanguageModel).Dispose();
        llama.Config["pruned_heads"] = new JsonObject { ["0"] = new JsonArray(0) };
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => llama.Load(HeadKind.CausalLanguageModel)).Message, "models of type 'llama' are supported with all their heads only");
        using var bert = new ModelCopy("bert");
        CutFirstHead(bert, "bert.encoder.layer.0.attention.");
        using var cut = bert.Load(HeadKind.FeatureExtraction);
        Assert.AreEqual(3, cut.Backbone.Blocks[0].Heads.Heads);
        using var prefix = AdapterSet.Create("p", new PrefixTuningOptions { VirtualTokens = 2 }, cut.Backbone, new CopiedModules([], []), 1);
        using var context = ForwardContext.Predicting(prefix);
        using var tokens = new TokenBatch([[1, 2, 3]], 0);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => cut.Forward(new() { Tokens = tokens }, context)).Message, "Block 0 has 3 heads left");
    }

    private static void CutFirstHead(ModelCopy bert, string path)
    {
        bert.Config["pruned_heads"] = new JsonObject { ["0"] = new JsonArray(0) };
        foreach (var name in bert.Tensors.Keys.Where(name => name.StartsWith(path, StringComparison.Ordinal) && !name.Contains("LayerNorm")).ToArray())
        {
            var (tensor, isOutput) = (bert.Tensors[name], name.Contains("output"));
            var size = bert.Config["hidden_size"]!.GetValue<int>() / 4;
            if (!isOutput || tensor.dim() == 2)
            {
                var dimension = isOutput ? 1 : 0;
                bert.Tensors[name] = tensor.narrow(dimension, size, tensor.size(dimension) - size).contiguous();
            }
        }
    }
}
