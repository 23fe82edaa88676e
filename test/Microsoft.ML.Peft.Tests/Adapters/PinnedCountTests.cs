using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Heads;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Counts of trained numbers that HF PEFT and the papers publish, on models of their sizes without weights.</summary>
[TestClass]
public sealed class PinnedCountTests
{
    private const string Llama = """
        {"model_type": "llama", "vocab_size": 128256, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28, "num_attention_heads": 24,
         "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": true,
         "hidden_act": "silu"}
        """;

    private const string Vit = """
        {"model_type": "vit", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu",
         "image_size": 224, "patch_size": 16, "num_channels": 3, "layer_norm_eps": 1e-12, "qkv_bias": true}
        """;

    private const string Bert = """
        {"model_type": "bert", "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
         "hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12}
        """;

    [TestMethod]
    [DataRow("LORA", "'r': 32", 9_175_040)]
    [DataRow("LORA", "'r': 64", 18_350_080)]
    [DataRow("LORA", "'r': 10, 'target_modules': ['gate_proj', 'up_proj', 'down_proj']", 9_461_760)]
    [DataRow("ADALORA", "'init_r': 64", 18_353_664)]
    [DataRow("IA3", "", 286_720)]
    [DataRow("IA3", "'target_modules': ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'], 'feedforward_modules': ['gate_proj', 'up_proj', 'down_proj']", 630_784)]
    [DataRow("LOHA", "'r': 32", 18_350_080)]
    [DataRow("LOKR", "'r': 32, 'decompose_factor': 4", 2_294_656)]
    [DataRow("OFT", "'r': 32, 'oft_block_size': 0", 8_171_520)]
    [DataRow("BOFT", "'boft_block_size': 4, 'boft_n_butterfly_factor': 1", 802_816)]
    [DataRow("VERA", "'r': 256", 129_024)]
    [DataRow("VBLORA", "", 1_212_416)]
    [DataRow("C3A", "'block_size': 64", 5_505_024)]
    [DataRow("MISS", "'r': 64", 7_340_032)]
    [DataRow("MISS", "'r': 64, 'init_weights': 'bat'", 7_340_032)]
    [DataRow("MISS", "'r': 64, 'init_weights': 'mini', 'mini_r': 64", 229_376)]
    [DataRow("ROAD", "'variant': 'road_2'", 229_376)]
    [DataRow("DELORA", "'r': 32", 9_175_096)]
    [DataRow("LN_TUNING", "", 175_104)]
    [DataRow("PROMPT_TUNING", "'num_virtual_tokens': 200", 614_400)]
    [DataRow("PREFIX_TUNING", "'num_virtual_tokens': 200", 11_468_800)]
    [DataRow("PREFIX_TUNING", "'num_virtual_tokens': 50", 2_867_200)]
    [DataRow("P_TUNING", "'num_virtual_tokens': 20, 'encoder_hidden_size': 3072", 28_382_208)]
    [DataRow("ADAPTION_PROMPT", "'adapter_len': 100, 'adapter_layers': 28", 8_601_628)]
    [DataRow("TRAINABLE_TOKENS", "'token_indices': [5, 7]", 6_144)]
    public void Llama_of_three_billion(string method, string fields, long count) => AssertCount(Llama, HeadKind.CausalLanguageModel, method, fields, count);

    // Each draws or reads as many numbers as the layer has, so one block stands for the 28 equal ones.
    [TestMethod]
    [DataRow("LORA", "'r': 32, 'use_dora': true", 9_289_728)]
    [DataRow("FOURIERFT", "'n_frequency': 1000", 56_000)]
    [DataRow("FOURIERFT", "'n_frequency': 5000", 280_000)]
    [DataRow("WAVEFT", "'n_frequency': 5000", 280_000)]
    [DataRow("SHIRA", "'r': 32", 9_175_040)]
    public void Llama_of_three_billion_by_its_first_block(string method, string fields, long count)
        => AssertCount(Llama, HeadKind.CausalLanguageModel, method, fields + ", 'layers_to_transform': [0]", count, 28);

    [TestMethod]
    [DataRow("LORA", "'r': 8", 294_912)]
    [DataRow("SSF", "", 205_824)]
    [DataRow("ADAPTFORMER", "", 1_189_632)]
    [DataRow("TRIADAPTLORA", "", 166_032)] // attention and feed-forward
    [DataRow("VPT", "'num_virtual_tokens': 50", 38_400)]
    [DataRow("VPT", "'num_virtual_tokens': 50, 'deep': true", 460_800)]
    public void Vit_base(string method, string fields, long count) => AssertCount(Vit, HeadKind.FeatureExtraction, method, fields, count);

    [TestMethod]
    [DataRow("PFEIFFER", "'reduction_factor': 16", 894_528)]
    [DataRow("HOULSBY", "'reduction_factor': 16", 1_789_056)]
    [DataRow("COMPACTER", "'feed_forward_only': true", 28_576)] // 12·(2·(768 + 24) + 24 + 768) + 4³
    [DataRow("COMPACTER", "", 57_088)] // 24 adapters, one rule
    [DataRow("DIFFORA", "", 1_327_104)] // every candidate, DeBERTa-v3-base has the same sizes
    [DataRow("TLORA", "", 307_968)] // queries, keys, values and outputs
    public void Bert_base(string method, string fields, long count) => AssertCount(Bert, HeadKind.SequenceClassification, method, fields, count);

    [TestMethod]
    public void Half_of_the_factors()
    {
        using var model = PretrainedModel.WithoutWeights(ModelConfig.Parse(Llama, "config.json"), HeadKind.CausalLanguageModel);
        Assert.AreEqual(3_670_016, new LoraOptions { Rank = 32, FreezeA = true }.Plan(model.Backbone).TrainableCount);
        Assert.AreEqual(5_505_024, new LoraOptions { Rank = 32, Start = LoraStart.Mica, TargetModules = TargetModules.Named("v_proj"), LayersToTransform = new([0]) }.Plan(model.Backbone).TrainableCount * 56);
        Assert.IsGreaterThan(3_000_000_000, model.Layers.SelectMany(l => l.Tensors()).Sum(t => t.Tensor.numel()));
    }

    private static void AssertCount(string config, HeadKind head, string method, string fields, long count, int times = 1)
    {
        using var model = PretrainedModel.WithoutWeights(ModelConfig.Parse(config, "config.json"), head);
        var options = AdapterOptions.FromJson($"{{\"peft_type\": \"{method}\"{(fields.Length > 0 ? ", " : "")}{fields.Replace('\'', '"')}}}", "adapter_config.json");
        Assert.AreEqual(count, options.Plan(model.Backbone).TrainableCount * times);
    }
}
