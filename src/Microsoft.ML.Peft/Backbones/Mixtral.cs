using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Mixtral: Mistral in which each block has many feed-forward parts, of which a router chooses a few for each token.</summary>
/// <remarks>
/// <para>In place of the feed-forward part: <c>h ← h + Σ_e p_e·D_e(act(G_e·m) ∘ U_e·m)</c> over the <c>num_experts_per_tok</c> experts with the largest
/// <c>p = softmax(R·m)</c>, which are divided by their sum.</para>
/// <para>Checkpoints keep the experts apart, as w1 (G), w3 (U) and w2 (D), or stacked, as newer versions of transformers have them in memory:
/// <c>mlp.experts.gate_up_proj</c> (experts, 2·inner, hidden) and <c>mlp.experts.down_proj</c> (experts, hidden, inner). Both are read; a model is written
/// as it was read.</para>
/// <para>Source: Jiang et al. 2024, arXiv:2401.04088.</para>
/// </remarks>
[Architecture("mixtral")]
public sealed class Mixtral : GatedDecoder
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    /// <exception cref="PeftException">The configuration asks for the load-balancing loss.</exception>
    public Mixtral(ModelConfig config, WeightSource source)
        : base(config, source, new GatedDecoderForm
        {
            Window = SlidingWindow.OfAll(config),
            Eps = 1e-5,
            Theta = 1e6,
            Experts = (at, path, hidden) => Sparse(config, at, path, hidden),
        })
    {
    }

    private static SparseFeedForward Sparse(ModelConfig config, WeightSource source, string path, long hidden)
    {
        if (config.Flag("output_router_logits", false))
        {
            throw new PeftException("config.json's 'output_router_logits' is true, which adds a loss for an even use of the experts; that loss is not supported. Set it to false.");
        }

        var experts = config.Int("num_local_experts", 1, 1 << 12, 8);
        var each = config.Int("num_experts_per_tok", 1, experts, Math.Min(2, experts));
        var inner = config.Int("intermediate_size", 1, 1 << 20);
        var (older, module) = ($"{path}.block_sparse_moe", $"{path}.mlp.experts");
        return new(
            source.Router($"{path}.mlp.gate", $"{older}.gate", hidden, experts, each),
            source.Experts(module, "gate_up_proj", experts, 2 * inner, hidden, e => [$"{older}.experts.{e}.w1.weight", $"{older}.experts.{e}.w3.weight"]),
            source.Experts(module, "down_proj", experts, hidden, inner, e => [$"{older}.experts.{e}.w2.weight"]),
            Activation.Named(config.Text("hidden_act", "silu")),
            config.Number("router_jitter_noise", 0, 0.99, 0));
    }
}
