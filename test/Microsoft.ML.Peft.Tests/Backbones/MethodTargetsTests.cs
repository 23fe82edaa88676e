using System.Text.Json;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>Default targets of methods: HF PEFT's tables, and names that the models really have.</summary>
[TestClass]
public sealed class MethodTargetsTests
{
    public static IEnumerable<object[]> Models => FamilyModel.Names;

    [TestMethod]
    [DataRow("llama", "LORA", "q_proj,v_proj")]
    [DataRow("llama", "IA3", "k_proj,v_proj,down_proj")]
    [DataRow("llama", "LN_TUNING", "input_layernorm,post_attention_layernorm,norm")]
    [DataRow("llama", "OSF", "q_proj,k_proj,v_proj,o_proj,gate_proj,down_proj,up_proj")]
    [DataRow("llama", "ADALORA", "q_proj,v_proj")]
    [DataRow("mistral", "IA3", "k_proj,v_proj,down_proj")]
    [DataRow("qwen2", "IA3", "q_proj,v_proj,down_proj")]
    [DataRow("qwen2", "LN_TUNING", "post_attention_layernorm")]
    [DataRow("gemma", "IA3", "q_proj,v_proj,down_proj")]
    [DataRow("bert", "LOHA", "query,value")]
    [DataRow("bert", "IA3", "key,value,output.dense")]
    [DataRow("roberta", "ADALORA", "query,key,value,dense")]
    [DataRow("roberta", "VBLORA", "query,value")]
    [DataRow("deberta-v2", "LORA", "query_proj,value_proj")]
    [DataRow("deberta-v2", "VBLORA", "query_proj,key_proj,value_proj,dense")]
    [DataRow("t5", "LORA", "q,v")]
    [DataRow("t5", "IA3", "k,v,wo")]
    [DataRow("t5", "ADALORA", "q,k,v,o,wi,wo")]
    [DataRow("t5", "LN_TUNING", "layer_norm,final_layer_norm")]
    [DataRow("gpt2", "LORA", "c_attn")]
    [DataRow("gpt2", "FOURIERFT", "mlp.c_proj")]
    [DataRow("gpt2", "C3A", "mlp.c_proj")]
    [DataRow("gpt2", "WAVEFT", "mlp.c_proj")]
    [DataRow("gpt2", "IA3", "c_attn,mlp.c_proj")]
    [DataRow("gptj", "LN_TUNING", "ln_1,ln_f")]
    [DataRow("bloom", "IA3", "query_key_value,mlp.dense_4h_to_h")]
    [DataRow("opt", "IA3", "q_proj,k_proj,fc2")]
    public void Defaults_are_those_of_HF_PEFT(string model, string method, string expected)
    {
        using var family = new FamilyModel(model);
        using var loaded = family.Load();
        Assert.AreEqual(expected, string.Join(",", loaded.Backbone.TargetsOf(method)));
        Assert.IsTrue(MethodTargets.AreHuggingFace(method, loaded.Backbone.Config.ModelType) || method is "ADALORA" or "VBLORA");
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Every_default_is_the_name_of_a_layer(string model)
    {
        using var family = new FamilyModel(model);
        using var loaded = family.Load();
        var backbone = loaded.Backbone;
        foreach (var method in (string[])["LORA", .. MethodTargets.Methods])
        {
            var targets = backbone.TargetsOf(method);
            Assert.IsNotEmpty(targets, method);

            // HF PEFT's lists for T5 name the layer that models without a gate have.
            foreach (var name in targets.Where(name => (name, backbone.Config.ModelType) is not ("wi", "t5")))
            {
                var named = TargetModules.Named(name);
                var layers = backbone.Layers.Concat(backbone.Layers.Newer ?? []).Where(l => named.Matches(l.Path)).ToList();
                Assert.IsNotEmpty(layers, $"{method}: {name}");
                Assert.IsTrue(
                    method != "LN_TUNING" ? layers.All(l => l is LinearLayer) : layers.All(l => l is LayerNormLayer or RmsNormLayer or GroupNormLayer), $"{method}: {name}");
            }
        }

        Assert.IsEmpty(backbone.FeedForwardTargets.Except(backbone.TargetsOf("IA3")));
        Assert.AreEqual(backbone is Mixtral, backbone.FeedForwardTargets.Count == 0, "experts are no modules");
    }

    [TestMethod]
    public void Defaults_of_a_recorded_adapter_are_ours()
    {
        // Adapters that were made without target_modules note what HF PEFT filled in; the golden ones name theirs, so LoRA's are compared.
        foreach (var row in Models)
        {
            var model = (string)row[0];
            using var family = new FamilyModel(model);
            using var loaded = family.Load();
            var path = Path.Combine(Golden.GoldenFolder.Root, model, "lora", "adapter_config.json");
            if (!File.Exists(path) || loaded.Backbone is Phi3)
            {
                continue; // that one has o_proj too
            }

            using var config = JsonDocument.Parse(File.ReadAllText(path));
            var recorded = config.RootElement.GetProperty("target_modules").EnumerateArray().Select(e => e.GetString()!).ToArray();
            CollectionAssert.AreEquivalent(recorded, loaded.Backbone.TargetsOf("LORA").ToArray(), model);
        }
    }
}
