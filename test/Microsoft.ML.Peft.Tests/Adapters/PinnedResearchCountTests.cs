using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Heads;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Counts of trained numbers that the papers of research methods, their code and HF PEFT's runs publish, on models of their sizes without weights.</summary>
[TestClass]
public sealed class PinnedResearchCountTests
{
    private const string Vit = """
        {"model_type": "vit", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu",
         "image_size": 224, "patch_size": 16, "num_channels": 3, "layer_norm_eps": 1e-12, "qkv_bias": true}
        """;

    private const string Roberta = """
        {"model_type": "roberta", "vocab_size": 50265, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
         "hidden_act": "gelu", "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1}
        """;

    private static readonly string s_llama2 = Llama(32000, 4096, 11008, 32, 32, 32); // 7B, which LLaMA-7B is like
    private static readonly string s_llama3 = Llama(128256, 4096, 14336, 32, 32, 8); // 8B
    private static readonly string s_llama32 = Llama(128256, 3072, 8192, 28, 24, 8); // 3B

    [TestMethod]
    [DataRow("MOS", "'r': 8", 4_997_120)]
    [DataRow("MOS", "'r': 4, 'num_shards': 4, 'private_rank': 0", 4_997_120)]
    [DataRow("MOS", "'r': 32, 'equivalent_rank': 8", 19_988_480)]
    [DataRow("PACA", "'r': 8", 10_878_976)]
    [DataRow("PACA", "'r': 16", 21_757_952)]
    [DataRow("LORA", "'r': 8, 'target_modules': 'all-linear'", 19_988_480)] // what PaCA and MoS are compared with
    [DataRow("LORA", "'r': 8", 4_194_304)]                                   // LLM-Adapters' README
    [DataRow("PREFIX_TUNING", "'num_virtual_tokens': 30", 7_864_320)]
    [DataRow("PREFIX_TUNING", "'num_virtual_tokens': 10", 2_621_440)]
    public void Llama_of_seven_billion(string method, string fields, long count) => AssertCount(s_llama2, HeadKind.CausalLanguageModel, method, fields, count);

    // The bottlenecks are as large as a small model: one block stands for the 32 equal ones.
    [TestMethod]
    [DataRow("BOTTLENECK", "", 201_326_592)]                                                                        // AdapterH
    [DataRow("BOTTLENECK", "'target_modules': ['down_proj'], 'placement': 'SeriesOutput'", 67_108_864)]             // AdapterP
    [DataRow("BOTTLENECK", "'target_modules': ['up_proj', 'gate_proj'], 'placement': 'SeriesInput'", 134_217_728)]  // the released command
    [DataRow("BOTTLENECK", "'use_parallel_adapter': true", 201_326_592)]
    [DataRow("BOTTLENECK", "'use_parallel_adapter': true, 'target_modules': ['up_proj', 'down_proj']", 247_463_936)]
    [DataRow("LORA", "'r': 64, 'target_modules': 'all-linear'", 159_907_840)]
    [DataRow("LORA", "'r': 32, 'target_modules': ['q_proj', 'k_proj', 'v_proj', 'up_proj', 'down_proj']", 56_098_816)]
    public void Llama_of_seven_billion_by_its_first_block(string method, string fields, long count)
        => AssertCount(s_llama2, HeadKind.CausalLanguageModel, method, fields + (fields.Length > 0 ? ", " : "") + "'layers_to_transform': [0]", count, 32);

    [TestMethod]
    [DataRow("MOS", "'r': 8", 5_242_880, 1)]
    [DataRow("PACA", "'r': 8", 11_010_048, 1)]
    [DataRow("PACA", "'r': 64, 'layers_to_transform': [0]", 88_080_384, 32)]
    public void Llama_of_eight_billion(string method, string fields, long count, int times) => AssertCount(s_llama3, HeadKind.CausalLanguageModel, method, fields, count, times);

    [TestMethod]
    [DataRow("MOS", "'r': 8", 3_039_232)]
    [DataRow("RANDLORA", "'r': 32", 9_289_728)]
    [DataRow("LILY", "'r': 140, 'stride_A': 14, 'num_B': 2, 'target_modules': ['gate_proj', 'up_proj', 'down_proj']", 9_485_280)]
    [DataRow("LILY", "'r': 896, 'stride_A': 14, 'num_B': 2, 'target_modules': ['q_proj', 'v_proj']", 18_450_432)]
    [DataRow("PEANUT", "'r': 32, 'target_modules': ['q_proj', 'v_proj']", 7_340_032)]
    [DataRow("PEANUT", "'r': 1, 'target_modules': ['q_proj', 'v_proj']", 229_376)]
    public void Llama_of_three_billion(string method, string fields, long count) => AssertCount(s_llama32, HeadKind.CausalLanguageModel, method, fields, count);

    [TestMethod]
    [DataRow("RANDLORA", "'r': 64, 'target_modules': ['query', 'key', 'value', 'attention.output.dense', 'intermediate.dense', 'output.dense']", 718_848)]
    [DataRow("LILY", "'r': 32, 'stride_A': 3, 'num_B': 4, 'target_modules': ['query', 'value']", 396_288)]
    [DataRow("PEANUT", "'r': 8, 'target_modules': ['query', 'value']", 294_912)]
    [DataRow("PEANUT", "'r': 1, 'target_modules': ['query', 'value'], 'layers_to_transform': [4, 5, 6, 7, 8, 9, 10, 11]", 24_576)]
    [DataRow("LOCA", "'n_frequency': 1000, 'target_modules': ['query', 'value']", 72_000)] // while places are learnt too; 24,000 are kept
    [DataRow("HYDRA", "", 331_776)]
    [DataRow("DYLORA", "'target_modules': ['query', 'value']", 294_912)]
    [DataRow("DYLORA", "'r': 1, 'target_modules': ['query', 'value']", 36_864)] // what it is cut to at least
    public void Roberta_base(string method, string fields, long count) => AssertCount(Roberta, HeadKind.SequenceClassification, method, fields, count);

    [TestMethod]
    [DataRow("HYDRA", "'r_parallel': 2, 'r_sequential': 2, 'use_bias': true", 239_712)]
    [DataRow("PEANUT", "'r': 7, 'target_modules': ['query', 'value']", 258_048)]
    [DataRow("PEANUT", "'r': 7, 'depth': 2, 'target_modules': ['query', 'value']", 262_752)]
    [DataRow("HEAT", "", 294_912)] // over LoRA of rank 8
    [DataRow("PEAR", "", 294_912)] // its first phase, over LoRA of rank 8
    [DataRow("LORA", "'r': 16", 589_824)] // what LoLDU's 18,432 are compared with
    public void Vit_base(string method, string fields, long count) => AssertCount(Vit, HeadKind.FeatureExtraction, method, fields, count);

    [TestMethod]
    public void The_base_that_shares_of_LLM_Adapters_are_of()
    {
        using var model = PretrainedModel.WithoutWeights(ModelConfig.Parse(s_llama2, "config.json"), HeadKind.CausalLanguageModel);
        Assert.AreEqual(6_738_415_616, model.Layers.SelectMany(l => l.Tensors()).Sum(t => t.Tensor.numel()));
    }

    private static string Llama(int words, int hidden, int inner, int layers, int heads, int keys) => $$"""
        {"model_type": "llama", "vocab_size": {{words}}, "hidden_size": {{hidden}}, "intermediate_size": {{inner}}, "num_hidden_layers": {{layers}},
         "num_attention_heads": {{heads}}, "num_key_value_heads": {{keys}}, "head_dim": 128, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
         "tie_word_embeddings": false, "hidden_act": "silu"}
        """;

    private static void AssertCount(string config, HeadKind head, string method, string fields, long count, int times = 1)
    {
        using var model = PretrainedModel.WithoutWeights(ModelConfig.Parse(config, "config.json"), head);
        var options = AdapterOptions.FromJson($"{{\"peft_type\": \"{method}\"{(fields.Length > 0 ? ", " : "")}{fields.Replace('\'', '"')}}}", "adapter_config.json");
        Assert.AreEqual(count, options.Plan(model.Backbone).TrainableCount * times);
    }
}
