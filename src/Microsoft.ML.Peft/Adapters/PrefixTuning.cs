using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Prefix tuning: trained keys and values in front of those of every block's attention.</summary>
/// <remarks>
/// <para><c>softmax(q·[Pₖ, k]ᵀ/√d)·[Pᵥ, v]</c> in each block. Shapes: n keys and n values of width d a block, (n, L·2·d) in all; with a
/// projection made from e (n, d) as W₂·tanh(W₁·e). Trains n·L·2·d numbers, or n·d and the projection.</para>
/// <para>A file holds the keys and values alone, and what is loaded from one is trained as such. In an encoder-decoder they stand in
/// the decoder, block i with the pair 2·i mod L, as HF PEFT does it.</para>
/// <para>Never the identity, not even with zeros, but for n = 0: a key of zeros takes its share. Source: Li and Liang 2021, arXiv:2101.00190.</para>
/// </remarks>
public sealed class PrefixTuning : PrefixAdapter
{
    private readonly Parameter prompt_embeddings; // (n, L·2·d), or (n, d) before the projection
    private readonly DenseStack? _projection;
    private readonly bool _shiftsPositions;

    internal PrefixTuning(PrefixTuningOptions options, Initialization initialization)
        : base("PREFIX_TUNING", options.VirtualTokens)
    {
        var (width, all) = (options.TokenWidth!.Value, 2L * options.Layers!.Value * options.TokenWidth!.Value);
        _shiftsPositions = options.ShiftsPositions;
        var projects = options.Projects && !options.IsStored;
        var zero = options.Start == PrefixTuningOptions.Zero;
        prompt_embeddings = Trainable(zero && !projects
            ? initialization.Zeros(options.VirtualTokens, all)
            : initialization.Normal(1, options.VirtualTokens, projects ? width : all));
        RegisterComponents();
        if (projects)
        {
            _projection = new DenseStack([width, options.HiddenSize!.Value, all], x => x.tanh(), Draw);
            if (zero)
            {
                using var _ = no_grad();
                _projection.Last.Weight.zero_();
                _projection.Last.Bias.zero_();
            }
        }

        Parameter Draw(string name, double bound, long[] shape)
        {
            var parameter = Trainable(initialization.Uniform(bound, shape));
            register_parameter($"transform_{name}", parameter);
            return parameter;
        }
    }

    /// <inheritdoc/>
    protected internal override bool ShiftsPositions => _shiftsPositions;

    /// <inheritdoc/>
    public override void StartFrom(Tensor table)
    {
        if (_projection is not null)
        {
            throw new PeftException("The keys and values are made by a network, which they do not determine; set Projects to false to start from them.");
        }

        Check(table, prompt_embeddings.size(1));
        using var _ = no_grad();
        prompt_embeddings.copy_(table);
    }

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter == nameof(prompt_embeddings);

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Parameter, Tensor Tensor)> Written()
    {
        using var context = ForwardContext.Predicting();
        return [(nameof(prompt_embeddings), Table(context).detach())];
    }

    /// <inheritdoc/>
    protected internal override Tensor Table(ForwardContext context) => _projection?.Forward(prompt_embeddings) ?? prompt_embeddings;
}

/// <summary>Settings of <see cref="PrefixTuning"/>.</summary>
[AdapterMethod(
    "PREFIX_TUNING", AdapterFamily.Prompt, Title = "Prefix tuning", Paper = "arXiv:2101.00190", Formula = "softmax(q·[Pₖ, k]ᵀ/√d)·[Pᵥ, v]", Trained = "n·2·d a block",
    InHuggingFace = true, MixesInBatch = false)]
public sealed record PrefixTuningOptions : PromptOptions
{
    internal const string Zero = "zero";

    /// <summary>True to make keys and values by a network while they are trained. Default false.</summary>
    [JsonPropertyName("prefix_projection")]
    public bool Projects { get; init; }

    /// <summary>Width of the network: 1 or more. Default null: that of a key over all heads.</summary>
    [JsonPropertyName("encoder_hidden_size")]
    public int? HiddenSize { get; init; }

    /// <summary>Null for normal numbers, <c>zero</c> for keys and values of zeros. Default null.</summary>
    [JsonPropertyName("init_weights")]
    public string? Start { get; init; }

    /// <summary>True for positions of a decoder's tokens that start behind the trained keys, as with a cache of as many tokens and in HF PEFT; false for positions that
    /// start at 0. Default true.</summary>
    [JsonIgnore]
    public bool ShiftsPositions { get; init; } = true;

    // HF PEFT does not know it, so that files have it only where it is false.
    [JsonInclude, JsonPropertyName("shift_positions"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    internal bool? WrittenShift
    {
        get => ShiftsPositions ? null : false;
        init => ShiftsPositions = value ?? true;
    }

    /// <inheritdoc/>
    [JsonIgnore]
    protected override bool TrainsKeys => true;

    /// <summary>A prefix without tokens is the model itself.</summary>
    [JsonIgnore]
    protected override int FewestTokens => 0;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(HiddenSize ?? 1, 1, nameof(HiddenSize));
        if (Start is not (null or Zero))
        {
            throw new ArgumentException($"Start is '{Start}'; it must be null or '{Zero}'.");
        }
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions For(Backbone backbone)
    {
        if (!ShiftsPositions && backbone is not Decoder)
        {
            throw new PeftException($"ShiftsPositions is false, which is for decoders, and this model is of type '{backbone.Config.ModelType}'; leave it true.");
        }

        var filled = (PrefixTuningOptions)base.For(backbone);
        return filled with { HiddenSize = HiddenSize ?? filled.TokenWidth };
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<string> NotesOn(IReadOnlyList<Adapter> parts)
        => VirtualTokens == 0 ? ["num_virtual_tokens is 0: the prefix has no keys and values, so that the model stays as it is."] : [];

    /// <inheritdoc/>
    protected internal override IEnumerable<Adapter> CreateParts(AdapterBuild build) => [new PrefixTuning(this, build.Initialization)];
}
