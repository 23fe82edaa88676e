using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Visual prompt tuning: trained tokens between the class token and the patches of a picture.</summary>
/// <remarks>
/// <para><c>[cls, p₁ … pₙ, patches]</c>; shallow: once before the first block; deep: before each block fresh tokens take the place of
/// those that the block before gave. Positions are not added to them.</para>
/// <para>Shapes: p (n, d) a set. Trains n·d numbers, deep L·n·d; with a projection d' → d its numbers too.</para>
/// <para>Starts uniform on ±√(6/(3·area + d)), area the pixels of a patch; never the identity. Source: Jia et al. 2022, arXiv:2203.12119.</para>
/// </remarks>
public sealed class Vpt : PatchPromptAdapter
{
    private readonly Parameter prompt_embeddings;       // (n, d')
    private readonly Parameter? deep_prompt_embeddings; // (L − 1, n, d')
    private readonly Parameter? prompt_proj_weight;     // (d, d')
    private readonly Parameter? prompt_proj_bias;       // (d)
    private readonly double _dropout;

    internal Vpt(VptOptions options, PatchPromptShape shape, Initialization initialization)
        : base("VPT", options.VirtualTokens)
    {
        _dropout = options.Dropout;
        var width = options.ProjectedFrom ?? shape.Width;
        var bound = Math.Sqrt(6.0 / ((3.0 * shape.PatchArea) + width));
        prompt_embeddings = Trainable(initialization.Uniform(bound, options.VirtualTokens, width));
        if (options.Deep && shape.Blocks > 1)
        {
            deep_prompt_embeddings = Trainable(initialization.Uniform(bound, shape.Blocks - 1, options.VirtualTokens, width));
        }

        if (options.ProjectedFrom is { } from)
        {
            prompt_proj_weight = Trainable(initialization.Normal(Math.Sqrt(2.0 / shape.Width), shape.Width, from)); // Kaiming over the outputs
            prompt_proj_bias = Trainable(initialization.Zeros(shape.Width));
        }

        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => parameter.Replace("prompt_proj_", "prompt_proj.", StringComparison.Ordinal);

    /// <inheritdoc/>
    protected internal override Tensor? Vectors(int block, ForwardContext context)
    {
        var vectors = block == 0 ? prompt_embeddings : deep_prompt_embeddings?.select(0, block - 1);
        if (vectors is null)
        {
            return null;
        }

        return context.Dropout(prompt_proj_weight is null ? vectors : nn.functional.linear(vectors, prompt_proj_weight, prompt_proj_bias), _dropout);
    }
}

/// <summary>Settings of <see cref="Vpt"/>.</summary>
[AdapterMethod(
    "VPT", AdapterFamily.Prompt, Title = "Visual prompt tuning", Paper = "arXiv:2203.12119", Formula = "[cls, p₁ … pₙ, patches]",
    Trained = "n·d a model, or a block if deep", MixesInBatch = false)]
public sealed record VptOptions : AdapterOptions
{
    /// <summary>Count of trained tokens n: 1 or more. Default 50.</summary>
    [JsonPropertyName("num_virtual_tokens")]
    public int VirtualTokens { get; init; } = 50;

    /// <summary>True to put fresh tokens before each block. Default false.</summary>
    [JsonPropertyName("deep")]
    public bool Deep { get; init; }

    /// <summary>Share of the tokens' numbers that is dropped while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("prompt_dropout")]
    public double Dropout { get; init; }

    /// <summary>Width d' of the tokens before a projection to the model's width: 1 or more. Default null: no projection.</summary>
    [JsonPropertyName("project_dim")]
    public int? ProjectedFrom { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override string PathPrefix => "base_model.";

    /// <inheritdoc/>
    [JsonIgnore]
    protected internal override bool HasTargets => false;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        RefuseTargets();
        Guard.AtLeast(VirtualTokens, 1);
        Guard.InRange(Dropout, 0.0, 0.99);
        Guard.AtLeast(ProjectedFrom ?? 1, 1, nameof(ProjectedFrom));
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build)
        => build.Backbone.PatchPrompts is { } shape
            ? [new Vpt(this, shape, build.Initialization)]
            : throw new PeftException($"VPT goes on transformers over patches (ViT, DeiT, DINOv2, AST); a model of type '{build.Backbone.Config.ModelType}' takes no tokens among its patches.");
}
