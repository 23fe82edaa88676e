using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LLaMA-Adapter: trained hidden states that the last blocks' heads look at too, with a gate that starts shut.</summary>
/// <remarks>
/// <para><c>attention(x) + O·(g·softmax(q·kᵀ/√d)·v)</c> with k, v the block's keys and values of p, without positions; GPT-2 adds it behind O.</para>
/// <para>Shapes: p (1, length, hidden); g (1). Trains length·hidden + 1 numbers a block. Starts as the identity: g is zero.</para>
/// <para>Source: Zhang et al. 2023, arXiv:2303.16199.</para>
/// </remarks>
public sealed class AdaptionPrompt : BlockAdapter
{
    private readonly Parameter adaption_prompt; // (1, length, hidden)
    private readonly Parameter adaption_gate;   // (1)

    internal AdaptionPrompt(string path, int block, long hidden, AdaptionPromptOptions options, Initialization initialization)
        : base(path, BlockPoint.AfterAttention, block)
    {
        adaption_prompt = Trainable(initialization.Normal(1, 1, options.Length, hidden));
        adaption_gate = Trainable(initialization.Zeros(1));
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor hidden, BlockState state, ForwardContext context)
    {
        var attention = state.Attention ?? throw new PeftException($"The attention of '{Path}' takes no more keys; {nameof(AdaptionPrompt)} cannot act there.");
        var (keys, values) = attention.KeysOf(InTypeOf(hidden, adaption_prompt).squeeze(0), context); // (length, key heads·d)
        var (tokens, heads, shared) = (attention.Query.size(0), state.Heads, state.Heads / attention.KeyHeads);
        var size = attention.Query.size(1) / heads;
        var query = attention.Query.view(tokens, attention.KeyHeads, shared, size).transpose(0, 1).reshape(attention.KeyHeads, -1, size);
        var weights = query.bmm(ByHead(keys).transpose(1, 2)).mul(1 / Math.Sqrt(size)).softmax(-1, ScalarType.Float32).mul(adaption_gate).to(hidden.dtype);
        var seen = weights.bmm(ByHead(values)).view(attention.KeyHeads, tokens, shared * size).transpose(0, 1).reshape(tokens, heads * size);
        return hidden + (attention.Output?.Forward(seen, context) ?? seen);

        Tensor ByHead(Tensor x) => x.view(-1, attention.KeyHeads, size).transpose(0, 1); // (key heads, length, d)
    }
}

/// <summary>Settings of <see cref="AdaptionPrompt"/>.</summary>
[AdapterMethod(
    "ADAPTION_PROMPT", AdapterFamily.Prompt, Title = "LLaMA-Adapter", Paper = "arXiv:2303.16199", Formula = "attention(x) + O·(g·softmax(q·kᵀ/√d)·v)",
    Trained = "length·hidden + 1 a block", InHuggingFace = true)]
public sealed record AdaptionPromptOptions : AdapterOptions
{
    /// <summary>Count of trained hidden states of a block: 1 or more. Default 10.</summary>
    [JsonPropertyName("adapter_len")]
    public int Length { get; init; } = 10;

    /// <summary>Count of blocks from the last one: 1 or more. Default null: every block.</summary>
    [JsonPropertyName("adapter_layers")]
    public int? Blocks { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool HasTargets => false;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Length, 1);
        Guard.AtLeast(Blocks ?? 1, 1, nameof(Blocks));
    }

    /// <summary>Fills in the name of the attention and the count of blocks.</summary>
    /// <exception cref="PeftException">The model is no such decoder, has fewer blocks, or its attention has another name.</exception>
    protected internal override AdapterOptions For(Backbone backbone)
    {
        if (backbone is not (GatedDecoder or Gpt2))
        {
            throw new PeftException($"ADAPTION_PROMPT goes on decoders of the LLaMA line and on GPT-2; '{backbone.Config.ModelType}' is neither.");
        }

        var name = backbone is Gpt2 ? "attn" : "self_attn";
        if (TargetModules is { } given && given.ToString() != name)
        {
            throw new PeftException($"target_modules is '{given}'; the attention of this model is called '{name}'.");
        }

        return Blocks > backbone.Blocks.Count
            ? throw new PeftException($"Blocks is {Blocks}; the model has {backbone.Blocks.Count} blocks.")
            : this with { TargetModules = TargetModules ?? TargetModules.Matching(name), Blocks = Blocks ?? backbone.Blocks.Count };
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
        => from site in build.Backbone.Blocks.TakeLast(Blocks!.Value)
           let path = site.Attention.Path[..site.Attention.Path.LastIndexOf('.')]
           select new AdaptionPrompt(path, site.Index, build.Backbone.HiddenSize, this, build.Initialization);
}
