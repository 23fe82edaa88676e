namespace Microsoft.ML.Peft.Backbones;

/// <summary>Default layers of the adapter methods whose defaults are not those of LoRA, by <c>peft_type</c> and <c>model_type</c>.</summary>
/// <remarks>HF PEFT's tables, and choices of this library in their spirit for architectures that those leave out: IA3 scales keys, values and
/// the input of the last feed-forward layer; LN tuning takes the norms of the blocks and the last one.</remarks>
public static class MethodTargets
{
    private const string Ia3 = "IA3";
    private const string FeedForward = "IA3.feedforward_modules";
    private const string LnTuning = "LN_TUNING";

    private static readonly string[] s_llamaLinears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj", "up_proj"];
    private static readonly string[] s_llamaNorms = ["input_layernorm", "post_attention_layernorm", "norm"];
    private static readonly string[] s_allProjections = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"];

    /// <summary>What HF PEFT has.</summary>
    private static readonly Dictionary<string, Dictionary<string, string[]>> s_huggingFace = new(StringComparer.Ordinal)
    {
        [Ia3] = new(StringComparer.Ordinal)
        {
            ["bert"] = ["key", "value", "output.dense"],
            ["bloom"] = ["query_key_value", "mlp.dense_4h_to_h"],
            ["deberta-v2"] = ["key_proj", "value_proj", "output.dense"],
            ["gemma"] = ["q_proj", "v_proj", "down_proj"],
            ["gpt2"] = ["c_attn", "mlp.c_proj"],
            ["gptj"] = ["q_proj", "v_proj", "fc_out"],
            ["llama"] = ["k_proj", "v_proj", "down_proj"],
            ["mistral"] = ["k_proj", "v_proj", "down_proj"],
            ["mt5"] = ["k", "v", "wi_1"],
            ["opt"] = ["q_proj", "k_proj", "fc2"],
            ["qwen2"] = ["q_proj", "v_proj", "down_proj"],
            ["qwen3"] = ["q_proj", "v_proj", "down_proj"],
            ["roberta"] = ["key", "value", "output.dense"],
            ["t5"] = ["k", "v", "wo"],
        },
        [FeedForward] = new(StringComparer.Ordinal)
        {
            ["bert"] = ["output.dense"],
            ["bloom"] = ["mlp.dense_4h_to_h"],
            ["deberta-v2"] = ["output.dense"],
            ["gemma"] = ["down_proj"],
            ["gpt2"] = ["mlp.c_proj"],
            ["gptj"] = ["fc_out"],
            ["llama"] = ["down_proj"],
            ["mistral"] = ["down_proj"],
            ["mt5"] = [],
            ["opt"] = ["fc2"],
            ["qwen2"] = ["down_proj"],
            ["qwen3"] = ["down_proj"],
            ["roberta"] = ["output.dense"],
            ["t5"] = ["wo"],
        },
        [LnTuning] = new(StringComparer.Ordinal)
        {
            ["bloom"] = ["input_layernorm", "post_attention_layernorm", "ln_f"],
            ["gemma"] = s_llamaNorms,
            ["gpt2"] = ["ln_1", "ln_2", "ln_f"],
            ["gptj"] = ["ln_1", "ln_f"],
            ["llama"] = s_llamaNorms,
            ["mistral"] = s_llamaNorms,
            ["mt5"] = ["layer_norm", "final_layer_norm"],
            ["qwen2"] = ["post_attention_layernorm"],
            ["qwen3"] = ["post_attention_layernorm"],
            ["t5"] = ["layer_norm", "final_layer_norm"],
        },
        ["ADALORA"] = new(StringComparer.Ordinal)
        {
            ["deberta-v2"] = ["query_proj", "key_proj", "value_proj", "dense"],
            ["mt5"] = ["q", "k", "v", "o", "wi_0", "wi_1", "wo"],
            ["opt"] = s_allProjections,
            ["roberta"] = ["query", "key", "value", "dense"],
            ["t5"] = ["q", "k", "v", "o", "wi", "wo"],
        },
        ["VBLORA"] = new(StringComparer.Ordinal)
        {
            ["deberta-v2"] = ["query_proj", "key_proj", "value_proj", "dense"],
            ["mt5"] = ["q", "k", "v", "o", "wi_0", "wi_1", "wo"],
            ["opt"] = s_allProjections,
            ["t5"] = ["q", "k", "v", "o", "wi", "wo"],
        },
        ["OSF"] = new(StringComparer.Ordinal)
        {
            ["bloom"] = ["query_key_value", "dense_4h_to_h"],
            ["gemma"] = s_llamaLinears,
            ["gpt2"] = ["c_attn", "c_proj"],
            ["gptj"] = ["q_proj", "k_proj", "v_proj", "out_proj", "fc_in", "fc_out"],
            ["llama"] = s_llamaLinears,
            ["mistral"] = s_llamaLinears,
            ["opt"] = s_allProjections,
            ["qwen2"] = s_llamaLinears,
            ["qwen3"] = s_llamaLinears,
        },
        ["FOURIERFT"] = new(StringComparer.Ordinal) { ["gpt2"] = ["mlp.c_proj"] },
        ["C3A"] = new(StringComparer.Ordinal) { ["gpt2"] = ["mlp.c_proj"] },
        ["WAVEFT"] = new(StringComparer.Ordinal) { ["gpt2"] = ["mlp.c_proj"] },
    };

    /// <summary>What this library adds.</summary>
    private static readonly Dictionary<string, Dictionary<string, string[]>> s_ours = new(StringComparer.Ordinal)
    {
        [Ia3] = new(StringComparer.Ordinal)
        {
            ["audio-spectrogram-transformer"] = ["k_proj", "v_proj", "mlp.fc2"],
            ["camembert"] = ["key", "value", "output.dense"],
            ["clip"] = ["k_proj", "v_proj", "fc2"],
            ["deit"] = ["k_proj", "v_proj", "mlp.fc2"],
            ["dinov2"] = ["key", "value", "mlp.fc2"],
            ["distilbert"] = ["k_lin", "v_lin", "ffn.lin2"],
            ["electra"] = ["key", "value", "output.dense"],
            ["hubert"] = ["k_proj", "v_proj", "output_dense"],
            ["mixtral"] = ["k_proj", "v_proj"],
            ["phi3"] = ["qkv_proj", "down_proj"],
            ["swin"] = ["k_proj", "v_proj", "mlp.fc2"],
            ["vit"] = ["k_proj", "v_proj", "mlp.fc2"],
            ["wav2vec2"] = ["k_proj", "v_proj", "output_dense"],
            ["whisper"] = ["k_proj", "v_proj", "fc2"],
            ["xlm-roberta"] = ["key", "value", "output.dense"],
        },
        [FeedForward] = new(StringComparer.Ordinal)
        {
            ["audio-spectrogram-transformer"] = ["mlp.fc2"],
            ["camembert"] = ["output.dense"],
            ["clip"] = ["fc2"],
            ["deit"] = ["mlp.fc2"],
            ["dinov2"] = ["mlp.fc2"],
            ["distilbert"] = ["ffn.lin2"],
            ["electra"] = ["output.dense"],
            ["hubert"] = ["output_dense"],
            ["mixtral"] = [],
            ["phi3"] = ["down_proj"],
            ["swin"] = ["mlp.fc2"],
            ["vit"] = ["mlp.fc2"],
            ["wav2vec2"] = ["output_dense"],
            ["whisper"] = ["fc2"],
            ["xlm-roberta"] = ["output.dense"],
        },
        [LnTuning] = new(StringComparer.Ordinal)
        {
            ["audio-spectrogram-transformer"] = ["layernorm_before", "layernorm_after", "audio_spectrogram_transformer.layernorm"],
            ["bert"] = ["LayerNorm"],
            ["camembert"] = ["LayerNorm"],
            ["clip"] = ["layer_norm1", "layer_norm2", "final_layer_norm", "post_layernorm"],
            ["deberta-v2"] = ["LayerNorm"],
            ["deit"] = ["layernorm_before", "layernorm_after", "deit.layernorm"],
            ["dinov2"] = ["norm1", "norm2", "dinov2.layernorm"],
            ["distilbert"] = ["sa_layer_norm", "output_layer_norm"],
            ["electra"] = ["LayerNorm"],
            ["hubert"] = ["layer_norm", "final_layer_norm"],
            ["mixtral"] = s_llamaNorms,
            ["opt"] = ["self_attn_layer_norm", "final_layer_norm"],
            ["phi3"] = s_llamaNorms,
            ["roberta"] = ["LayerNorm"],
            ["swin"] = ["layernorm_before", "layernorm_after", "swin.layernorm"],
            ["vit"] = ["layernorm_before", "layernorm_after", "vit.layernorm"],
            ["wav2vec2"] = ["layer_norm", "final_layer_norm"],
            ["whisper"] = ["self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm", "layer_norm"],
            ["xlm-roberta"] = ["LayerNorm"],
        },
    };

    // Model types whose LoRA defaults are HF PEFT's.
    private static readonly HashSet<string> s_known = new(StringComparer.Ordinal)
    {
        "bert", "bloom", "deberta-v2", "electra", "gemma", "gpt2", "gptj", "llama", "mistral", "mixtral", "mt5", "opt", "qwen2", "qwen3", "roberta", "t5", "xlm-roberta",
    };

    /// <summary>The methods with defaults of their own.</summary>
    public static IEnumerable<string> Methods => s_huggingFace.Keys.Where(key => key != FeedForward);

    /// <summary>The defaults of a method.</summary>
    public static IReadOnlyList<string> Of(string method, Backbone backbone)
        => Find(method, backbone.Config.ModelType) ?? (method == LnTuning ? [] : backbone.DefaultTargets);

    /// <summary>Which of the defaults of IA3 scale their input.</summary>
    public static IReadOnlyList<string> FeedForwardOf(Backbone backbone) => Find(FeedForward, backbone.Config.ModelType) ?? [];

    /// <summary>True where the defaults are those of HF PEFT.</summary>
    public static bool AreHuggingFace(string method, string modelType)
        => s_huggingFace.TryGetValue(method, out var table) ? table.ContainsKey(modelType) : s_known.Contains(modelType);

    private static string[]? Find(string method, string modelType)
        => s_huggingFace.TryGetValue(method, out var theirs) && theirs.TryGetValue(modelType, out var names) ? names
            : s_ours.TryGetValue(method, out var ours) && ours.TryGetValue(modelType, out names) ? names
            : null;
}
