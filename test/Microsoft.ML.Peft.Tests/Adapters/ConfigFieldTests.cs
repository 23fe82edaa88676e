using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Tests.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Each field of HF PEFT's configurations is one of the options, with the same default, or refused, or known to change nothing.</summary>
[TestClass]
public sealed class ConfigFieldTests
{
    // Fields that change nothing there, beside fan_in_fan_out and Megatron's, which the kind of a layer decides here.
    private static readonly string[] s_withoutEffect =
    [
        "ADALORA.r", "ADALORA.use_rslora", "ADALORA.alpha_pattern", "ADALORA.qalora_group_size", "ADALORA.ensure_weight_tying", "LORA.qalora_group_size", "FROD.progressbar",
        "FROD.runtime_offload_base_weight", "OSF.init_weights", "OSF.target_svd_config", "CPT.tokenizer_name_or_path",
    ];

    // What HF PEFT has no default for and asks for, or this library has one for; tokenizer_kwargs is told to be unused where it is set.
    private static readonly string[] s_others = ["num_virtual_tokens", "tokenizer_kwargs"];

    // Defaults of HF PEFT 0.20.1.
    private const string Defaults = """
        ADALORA r=8 lora_alpha=8 lora_dropout=0.0 fan_in_fan_out=false bias="none" use_rslora=false init_lora_weights=true rank_pattern=null alpha_pattern={}
          megatron_config=null megatron_core="megatron.core" trainable_token_indices=null loftq_config={} eva_config=null corda_config=null lora_ga_config=null
          use_dora=false velora_config=null alora_invocation_tokens=null use_qalora=false qalora_group_size=16 monteclora_config=null layer_replication=null
          lora_bias=false target_parameters=null use_bdlora=null arrow_config=null kasa_config=null ensure_weight_tying=false target_r=8 init_r=12 tinit=0
          tfinal=0 deltaT=1 beta1=0.85 beta2=0.85 orth_reg_weight=0.5 total_step=null
        ADAMSS r=100 num_subspaces=5 subspace_rank=1 init_weights="orthogonal" use_asa=false asa_target_subspaces=50 init_warmup=50 final_warmup=1000
          mask_interval=100 asa_importance_beta=0.85 asa_uncertainty_beta=0.85 asa_schedule_exponent=3.0 use_dynamic_rank=false svd_threshold=0.1 random_seed=0
        ADAPTION_PROMPT adapter_len=null adapter_layers=null
        BEFT init_weights=true
        BOFT boft_block_size=4 boft_block_num=0 boft_n_butterfly_factor=1 boft_dropout=0.0 fan_in_fan_out=false bias="none" init_weights=true
        C3A block_size=256 bias="none" block_size_pattern={} init_weights="xavier_uniform"
        CARTRIDGE num_virtual_tokens=null token_dim=null num_transformer_submodules=null num_attention_heads=null num_layers=null num_frozen_tokens=1
        CPT num_virtual_tokens=null token_dim=null num_transformer_submodules=null num_attention_heads=null num_layers=null cpt_token_ids=null cpt_mask=null
          cpt_tokens_type_mask=null opt_weighted_loss_type="none" opt_loss_decay_factor=1.0 opt_projection_epsilon=0.1 opt_projection_format_epsilon=0.1
          tokenizer_name_or_path=null
        DEFT r=8 decomposition_method="relu" init_scale=1.0 alpha=null para=false fan_in_fan_out=false deft_dropout=0.0 init_weights=true bias="none"
        DELORA r=8 delora_lambda=15 module_dropout=0.0 bias="none" init_weights=true rank_pattern={} lambda_pattern={}
        FOURIERFT n_frequency=1000 scaling=150.0 random_loc_seed=777 fan_in_fan_out=false bias="none" n_frequency_pattern={} init_weights=false
        FROD projection_prng_key=0 save_projection=true frod_dropout=0.0 fan_in_fan_out=false bias="none" init_weights=true sparse_rate=0.01
          regularization_alpha=0.001 progressbar=true runtime_offload_base_weight=false
        GLORA r=8 bias="none" config_A_B="lora" config_C="lora" config_D_E="constant" init_weights=true
        GRALORA r=32 hybrid_r=0 alpha=64 gralora_dropout=0.0 gralora_k=2 fan_in_fan_out=false bias="none" init_weights=true
        HIRA r=32 hira_dropout=0.0 fan_in_fan_out=false init_weights=true rank_pattern={}
        HRA r=8 apply_GS=false init_weights=true bias="none"
        IA3 feedforward_modules=null fan_in_fan_out=false init_ia3_weights=true
        LILY r=32 stride_A=1 num_B=2 scaling=1.0 init_weights=true
        LN_TUNING
        LOHA r=8 alpha=8 rank_dropout=0.0 module_dropout=0.0 use_effective_conv2d=false init_weights=true
        LOKR r=8 alpha=8 rank_dropout=0.0 module_dropout=0.0 use_effective_conv2d=false decompose_both=false decompose_factor=-1 rank_dropout_scale=false
          init_weights=true
        LORA r=8 lora_alpha=8 lora_dropout=0.0 fan_in_fan_out=false bias="none" use_rslora=false init_lora_weights=true rank_pattern={} alpha_pattern={}
          megatron_config=null megatron_core="megatron.core" trainable_token_indices=null loftq_config={} eva_config=null corda_config=null lora_ga_config=null
          use_dora=false velora_config=null alora_invocation_tokens=null use_qalora=false qalora_group_size=16 monteclora_config=null layer_replication=null
          lora_bias=false target_parameters=null use_bdlora=null arrow_config=null kasa_config=null ensure_weight_tying=false
        MISS r=64 miss_dropout=0.0 mini_r=1 init_weights=true bias="none"
        MULTITASK_PROMPT_TUNING num_virtual_tokens=null token_dim=null num_transformer_submodules=null num_attention_heads=null num_layers=null
          prompt_tuning_init="RANDOM" prompt_tuning_init_text=null tokenizer_name_or_path=null tokenizer_kwargs=null prompt_tuning_init_state_dict_path=null
          prompt_tuning_init_task=0 num_ranks=1 num_tasks=1
        OFT r=0 oft_block_size=32 module_dropout=0.0 fan_in_fan_out=false bias="none" init_weights=true coft=false eps=6e-05 block_share=false
          use_cayley_neumann=true num_cayley_neumann_terms=5
        OSF effective_rank=null rank_pattern=null init_weights=null target_svd_config=null
        PEANUT r=32 depth=0 act_fn="relu" scaling=1.0 init_weights=true
        POLY r=8 init_weights=true poly_type="poly" n_tasks=1 n_skills=4 n_splits=1
        PREFIX_TUNING num_virtual_tokens=null token_dim=null num_transformer_submodules=null num_attention_heads=null num_layers=null init_weights=null
          encoder_hidden_size=null prefix_projection=false
        PROMPT_TUNING num_virtual_tokens=null token_dim=null num_transformer_submodules=null num_attention_heads=null num_layers=null
          prompt_tuning_init="RANDOM" prompt_tuning_init_text=null tokenizer_name_or_path=null tokenizer_kwargs=null
        PSOFT r=32 psoft_alpha=32 psoft_dropout=0.0 fan_in_fan_out=false ab_svd_init="psoft_init" psoft_svd="full" psoft_svd_lowrank_niter=10 random_seed=0
          psoft_orth=true psoft_mag_b=true psoft_mag_a=true use_cayley_neumann=false num_cayley_neumann_terms=5 cayley_neumann_eps=null init_weights=true
        PVERA r=256 projection_prng_key=0 save_projection=true pvera_dropout=0.0 d_initial=0.1 fan_in_fan_out=false bias="none" init_weights=true
          sample_at_inference=false generator_seed=null
        P_TUNING num_virtual_tokens=null token_dim=null num_transformer_submodules=null num_attention_heads=null num_layers=null
          encoder_reparameterization_type="MLP" encoder_hidden_size=null encoder_num_layers=2 encoder_dropout=0.0
        RANDLORA r=32 projection_prng_key=0 save_projection=true sparse=false very_sparse=false randlora_dropout=0.0 fan_in_fan_out=false randlora_alpha=640
          bias="none" init_weights=true
        ROAD variant="road_1" group_size=64 init_weights=true
        SHIRA r=32 mask_type="random" random_seed=null fan_in_fan_out=false init_weights=true
        SUPERTUNING sparsity=0.99 select_top=true r=null lora_alpha=null lora_dropout=0.0 init_weights=true save_precomputed_indices=true
        TINYLORA r=2 u=64 weight_tying=0.0 projection_seed=42 save_projection=true init_v_bound=0.02 tinylora_dropout=0.0 fan_in_fan_out=false bias="none"
          init_weights=true
        TRAINABLE_TOKENS token_indices=[] init_weights=true
        UNILORA r=4 proj_seed=42 theta_d_length=256 unilora_dropout=0.0 fan_in_fan_out=false bias="none" init_theta_d_bound=0.02 init_weights=true
          save_indices=false
        VBLORA r=4 num_vectors=256 vector_length=256 topk=2 save_only_topk_weights=false vblora_dropout=0.0 fan_in_fan_out=false bias="none"
          init_vector_bank_bound=0.02 init_logits_std=0.1
        VERA r=256 projection_prng_key=0 save_projection=true vera_dropout=0.0 d_initial=0.1 fan_in_fan_out=false bias="none" init_weights=true
        WAVEFT n_frequency=2592 scaling=25.0 wavelet_family="db1" use_idwt=true random_loc_seed=777 fan_in_fan_out=false bias="none" n_frequency_pattern={}
          proportional_parameters=false init_weights=true
        XLORA hidden_size=null adapters=null enable_softmax=true enable_softmax_topk=false layerwise_scalings=false xlora_depth=1 xlora_size=2048
          xlora_dropout_p=0.2 use_trainable_adapters=false softmax_temperature=1.0 top_k_lora=null scaling_pass_value=0.0 global_scaling_weight=1.0
        """;

    public static IEnumerable<object[]> Methods
        => Defaults.Replace("\n  ", " ", StringComparison.Ordinal).Split('\n').Select(line => (object[])[line.Split(' ')[0], line]);

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Defaults_are_those_of_HF_PEFT(string method, string line)
    {
        var written = JsonNode.Parse(Read(method, "").ToJson())!.AsObject();
        foreach (var (field, expected) in line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(pair => (pair[..pair.IndexOf('=', StringComparison.Ordinal)], pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..])))
        {
            if (written.ContainsKey(field))
            {
                Assert.IsTrue(s_others.Contains(field) || Required(method).Contains(field, StringComparison.Ordinal) || Same(expected, written[field]?.ToJsonString() ?? "null"), $"{field} is {written[field]}, not {expected}");
            }
            else if (!s_withoutEffect.Contains($"{method}.{field}") && !s_others.Contains(field) && field != "fan_in_fan_out" && !field.StartsWith("megatron", StringComparison.Ordinal))
            {
                var error = Assert.ThrowsExactly<PeftException>(() => Read(method, $", \"{field}\": {(field is "use_dora" or "use_qalora" ? "true" : "{\"a\": 1}")}"), field);
                StringAssert.Contains(error.Message, $"file sets '{field}' to ");
                StringAssert.Contains(error.Message, "Take the field out");
            }
        }
    }

    [TestMethod]
    public void A_field_that_is_not_known_is_told_and_kept()
    {
        using var scope = NewDisposeScope();
        using var model = PretrainedModel.Load(Path.Combine(GoldenFolder.Root, "bert"), HeadKind.SequenceClassification);
        var options = AdapterOptions.FromJson(
            """{"peft_type": "LORA", "peft_version": "0.99", "task_type": "SEQ_CLS", "fan_in_fan_out": true, "use_later": true, "later_off": null, "later_size": 3}""", "file");
        using var set = AdapterSet.Create("default", options, model.Backbone, new([], []), 0);

        StringAssert.EndsWith(set.Notes.Single(), "have fields that this version does not know, which are kept and change nothing: later_size, use_later.");
        Assert.AreEqual(3, JsonNode.Parse(set.Options!.ToJson())!["later_size"]!.GetValue<int>());
    }

    [TestMethod]
    public void A_shared_table_that_would_have_to_stay_shared_is_refused()
    {
        using var scope = NewDisposeScope();
        using var model = PretrainedModel.Load(Path.Combine(GoldenFolder.Root, "gpt2"), HeadKind.CausalLanguageModel);
        var tied = new LoraOptions { EnsureWeightTying = true };
        foreach (var options in (LoraOptions[])[tied with { ModulesToSave = ["wte"] }, tied with { TargetModules = TargetModules.Named("wte", "c_attn") }])
        {
            StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => options.Plan(model.Backbone)).Message, "'transformer.wte' shares its weight with the output layer");
            Assert.IsGreaterThan(0, (options with { EnsureWeightTying = false }).Plan(model.Backbone).TrainableCount);
        }

        Assert.IsGreaterThan(0, (tied with { TrainableTokenIndices = new([1]) }).Plan(model.Backbone).TrainableCount);
    }

    private static AdapterOptions Read(string method, string more) => AdapterOptions.FromJson($"{{\"peft_type\": \"{method}\"{Required(method)}{more}}}", "file");

    private static string Required(string method) => method switch
    {
        "ADAPTION_PROMPT" => ", \"adapter_len\": 4, \"adapter_layers\": 1",
        "CPT" => ", \"cpt_token_ids\": [1, 2], \"cpt_tokens_type_mask\": [1, 2], \"cpt_mask\": [1, 1]",
        "OFT" => ", \"oft_block_size\": 32",
        "TRAINABLE_TOKENS" => ", \"token_indices\": [1]",
        "XLORA" => ", \"adapters\": {\"0\": \"folder\"}",
        _ => "",
    };

    private static bool Same(string expected, string actual)
        => expected == actual || (IsUnset(expected) && IsUnset(actual))
            || (double.TryParse(expected, CultureInfo.InvariantCulture, out var a) && double.TryParse(actual, CultureInfo.InvariantCulture, out var b) && a == b);

    private static bool IsUnset(string json) => json is "null" or "{}" or "[]";
}
