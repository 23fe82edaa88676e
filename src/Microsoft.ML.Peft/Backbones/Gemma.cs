using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>Gemma 1: LLaMA with embeddings times √hidden, norms that store their scale less one, and GELU in the gate.</summary>
/// <remarks>Source: Gemma Team 2024, arXiv:2403.08295.</remarks>
[Architecture("gemma")]
public sealed class Gemma : GatedDecoder
{
    /// <summary>Builds the model from its configuration and checkpoint.</summary>
    public Gemma(ModelConfig config, WeightSource source)
        : base(config, source, new GatedDecoderForm
        {
            ScalesEmbeddings = true,
            NormOffset = 1,
            TiedByDefault = true,
            HeadSize = 256,
            ActivationKey = ActivationOf(config),
            QueryKeyValueBias = config.Flag("attention_bias", false),
            OutputBias = config.Flag("attention_bias", false),
        })
    {
        if (config.Flag("use_bidirectional_attention", false))
        {
            throw config.Wrong("use_bidirectional_attention", "false, the only kind that is supported");
        }
    }

    // The first files say "gelu" in hidden_act where the tanh form is meant; hidden_activation, where it is there, counts.
    private static string ActivationOf(ModelConfig config) => config.Has("hidden_activation") ? "hidden_activation" : "hidden_act";
}
