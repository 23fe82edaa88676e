using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>A model over tokens in which each token sees itself and those before it.</summary>
public abstract class Decoder : TextBackbone
{
    private protected Decoder(ModelConfig config, WeightSource source)
        : base(config, source)
    {
    }

    /// <summary>The table of the tokens.</summary>
    public abstract EmbeddingLayer Words { get; }

    /// <inheritdoc/>
    public override EmbeddingLayer InputEmbedding => Words;

    /// <summary>True if the scores of the next token are computed with <see cref="Words"/>.</summary>
    public abstract bool TiedOutput { get; }

    /// <summary>Width of what <see cref="Forward"/> gives. Default: that of the hidden states.</summary>
    public virtual int OutputSize => HiddenSize;

    /// <summary>True if the scores of the next token have a bias.</summary>
    public virtual bool OutputBias => false;

    /// <summary>True if what is remembered of earlier tokens is of no use to an input of this length, which must be read anew. Default: never.</summary>
    public virtual bool ForgetsAt(long length) => false;

    /// <summary>Hidden states after the last norm.</summary>
    /// <param name="batch">New tokens; rows may be padded on the right, and with a cache on the left too.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <param name="cache">What is remembered of earlier tokens, to which these are added; null where nothing is. Under no_grad() only.</param>
    /// <returns>(batch·length, <see cref="OutputSize"/>).</returns>
    /// <exception cref="PeftException">There are more tokens than the model has positions for.</exception>
    public Tensor Forward(TokenBatch batch, ForwardContext context, KeyValueCache? cache = null)
    {
        if (cache is { Length: > 0 } && context.ReadsWholeInput)
        {
            throw new PeftException("An active adapter reads the whole input in each pass, so that earlier tokens cannot be remembered; generate with UseCache = false, or give no cache.");
        }

        context.CountsRealTokens = cache is not null;
        var pass = new DecoderPass(batch, context, cache);
        if (pass.Keys > MaxLength)
        {
            throw new PeftException($"The input has {pass.Keys} tokens; this model ('{Config.ModelType}') takes at most {MaxLength}.");
        }

        var hidden = Run(pass);
        pass.Finish();
        return hidden;
    }

    private protected abstract Tensor Run(DecoderPass pass);
}
