using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Cartridge: trained keys and values before the input, the first of them left as they are.</summary>
/// <remarks>
/// <para><c>softmax(q·[Pₖ, k]ᵀ/√d)·[Pᵥ, v]</c> in each block, as <see cref="PrefixTuning"/>; the first f of the n keys are not trained, since
/// models rest their attention on the first tokens. Trains (n − f)·L·2·d numbers.</para>
/// <para>Starts as normal numbers, or as what a model computes of a text (<c>PrefixOfTokens</c>). Never the identity.</para>
/// <para>Source: Eyuboglu et al. 2025, arXiv:2506.06266, in the form of HF PEFT.</para>
/// </remarks>
public sealed class Cartridge : PrefixAdapter
{
    private const string InFiles = "prompt_embeddings";
    private readonly Parameter? frozen_embedding;   // (f, L·2·d)
    private readonly Parameter trainable_embedding; // (n − f, L·2·d)
    private Parameter? _read;                       // (n, L·2·d), while a file is read

    internal Cartridge(CartridgeOptions options, Initialization initialization)
        : base("CARTRIDGE", options.VirtualTokens)
    {
        var all = 2L * options.Layers!.Value * options.TokenWidth!.Value;
        frozen_embedding = options.FrozenTokens > 0 ? Frozen(initialization.Normal(1, options.FrozenTokens, all)) : null;
        trainable_embedding = Trainable(initialization.Normal(1, options.VirtualTokens - options.FrozenTokens, all));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override void StartFrom(Tensor table)
    {
        Check(table, trainable_embedding.size(1));
        var frozen = frozen_embedding?.size(0) ?? 0;
        using var _ = no_grad();
        frozen_embedding?.copy_(table.narrow(0, 0, frozen));
        trainable_embedding.copy_(table.narrow(0, frozen, Length - frozen));
    }

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter == InFiles;

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => parameter == InFiles;

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Parameter, Tensor Tensor)> Written()
    {
        using var context = ForwardContext.Predicting();
        return [(InFiles, Table(context).detach())];
    }

    /// <inheritdoc/>
    protected internal override void Expect(IReadOnlyDictionary<string, long[]> shapes)
    {
        if (_read is null)
        {
            _read = Frozen(empty([Length, trainable_embedding.size(1)], device: trainable_embedding.device));
            register_parameter(InFiles, _read);
        }
    }

    /// <inheritdoc/>
    protected internal override void Loaded()
    {
        StartFrom(_read!);
        register_parameter(InFiles, null!);
        _read!.Dispose();
        _read = null;
    }

    /// <inheritdoc/>
    protected internal override Tensor Table(ForwardContext context)
        => frozen_embedding is null ? trainable_embedding : cat([frozen_embedding, trainable_embedding]);
}

/// <summary>Settings of <see cref="Cartridge"/>.</summary>
[AdapterMethod(
    "CARTRIDGE", AdapterFamily.Prompt, Title = "Cartridge", Paper = "arXiv:2506.06266", Formula = "softmax(q·[Pₖ, k]ᵀ/√d)·[Pᵥ, v]", Trained = "(n − f)·2·d a block",
    InHuggingFace = true, MixesInBatch = false)]
public sealed record CartridgeOptions : PromptOptions
{
    /// <summary>Keys at the start that are not trained: 0 to <see cref="PromptOptions.VirtualTokens"/>. Default 1.</summary>
    [JsonPropertyName("num_frozen_tokens")]
    public int FrozenTokens { get; init; } = 1;

    /// <inheritdoc/>
    [JsonIgnore]
    protected override bool TrainsKeys => true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.InRange(FrozenTokens, 0, VirtualTokens);
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build) => [new Cartridge(this, build.Initialization)];
}
