using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Super-Tuning: the largest numbers of a frozen weight are trained; with a LoRA beside them where a rank is given (Supra).</summary>
/// <remarks>
/// <para><c>W' = W + S + (α/r)·B·A</c>, where S is zero but for n = out·in·(1 − sparsity) trained numbers, at the places of the largest or the
/// smallest |W|.</para>
/// <para>Shapes: values (n), indices (n) Int32, flat, in the file unless it is told otherwise; A (r, in), B (out, r). Trains n + r·(in + out)
/// numbers. Starts as the identity.</para>
/// <para>Source: arXiv:2607.09287.</para>
/// </remarks>
public sealed class SuperTuning : AdditiveAdapter
{
    [ComponentName(Name = "supertuning_values")] private readonly Parameter _values; // (n)
    [ComponentName(Name = "supertuning_indices")] private readonly Parameter _indices; // (n), Int32
    [ComponentName(Name = "supertuning_lora_A")] private readonly Parameter? _a; // (r, in)
    [ComponentName(Name = "supertuning_lora_B")] private readonly Parameter? _b; // (out, r)

    private readonly SuperTuningOptions _options;

    /// <summary>Puts Super-Tuning on a layer.</summary>
    /// <exception cref="ArgumentException">The sparsity leaves no number of the layer to train.</exception>
    public SuperTuning(LinearLayer target, SuperTuningOptions options, AdapterBuild build)
        : base(target)
    {
        _options = options;
        var count = (long)(InFeatures * OutFeatures * (1 - options.Sparsity));
        if (count < 1)
        {
            throw new ArgumentException($"Sparsity is {options.Sparsity}, which leaves none of the {InFeatures * OutFeatures} numbers of '{Path}'; take a smaller one.");
        }

        var initialization = build.Initialization;
        _values = Trainable(options.IdentityStart ? initialization.Zeros(count) : initialization.Normal(1, count));
        _indices = Frozen(target.FrozenWeight.abs().flatten().topk(checked((int)count), largest: options.Largest).indexes.to(ScalarType.Int32));
        if (options.Rank is { } rank)
        {
            _a = Trainable(initialization.KaimingUniform(rank, InFeatures));
            _b = Trainable(options.IdentityStart ? initialization.Zeros(OutFeatures, rank) : initialization.KaimingUniform(OutFeatures, rank));
        }

        RegisterComponents();
    }

    private SparseMatrix Entries => new(OutFeatures, InFeatures);

    /// <inheritdoc/>
    protected internal override string FileName(string parameter)
        => parameter.StartsWith("supertuning_lora", StringComparison.Ordinal) ? parameter + ".weight" : parameter;

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter != "supertuning_indices" || _options.SavesIndices;

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => IsSaved(parameter);

    /// <inheritdoc/>
    protected internal override void Loaded()
    {
        using var scope = NewDisposeScope();
        if ((_indices < 0).logical_or(_indices >= InFeatures * OutFeatures).any().item<bool>())
        {
            throw new FormatException($"supertuning_indices of '{Path}' has an index outside its {InFeatures * OutFeatures} numbers; the file is damaged.");
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        var sparse = Entries.Dense(_values, _indices.to(ScalarType.Int64));
        return _a is null ? sparse : sparse + _b!.mm(_a).mul(_options.Scale);
    }

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        var y = Entries.Multiply(x.reshape(-1, InFeatures), InTypeOf(x, _values), _indices.to(ScalarType.Int64)).reshape([.. x.shape[..^1], OutFeatures]);
        return _a is null ? y : y + linear(linear(context.Dropout(x, _options.Dropout), InTypeOf(x, _a)).mul(_options.Scale), InTypeOf(x, _b!));
    }
}

/// <summary>Settings of <see cref="SuperTuning"/>.</summary>
[AdapterMethod(
    "SUPERTUNING", AdapterFamily.Selective, Title = "Super-Tuning", Paper = "arXiv:2607.09287", Formula = "W + S + (α/r)·B·A, S sparse",
    Trained = "in·out·(1 − sparsity) + r·(in + out)", InHuggingFace = true, Merges = true)]
public sealed record SuperTuningOptions : LinearAdapterOptions
{
    /// <summary>Share of the weight that is not trained: 0 to below 1. Default 0.99.</summary>
    [JsonPropertyName("sparsity")]
    public double Sparsity { get; init; } = 0.99;

    /// <summary>Train the numbers that are largest without their sign; false for the smallest. Default true.</summary>
    [JsonPropertyName("select_top")]
    public bool Largest { get; init; } = true;

    /// <summary>Rank r of the LoRA beside them: 1 or more. Default null: none.</summary>
    [JsonPropertyName("r")]
    public int? Rank { get; init; }

    /// <summary>Numerator α of the LoRA's scale, finite and above 0. Default null: 2·r.</summary>
    [JsonPropertyName("lora_alpha")]
    public double? Alpha { get; init; }

    /// <summary>Share of the input that the LoRA drops while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("lora_dropout")]
    public double Dropout { get; init; }

    /// <summary>Start as the identity; false for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <summary>Write the places of the numbers; false to find them again in the base weights when loading. Default true.</summary>
    [JsonPropertyName("save_precomputed_indices")]
    public bool SavesIndices { get; init; } = true;

    internal double Scale => (Alpha ?? 2 * Rank!.Value) / Rank!.Value;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.InRange(Sparsity, 0.0, Math.BitDecrement(1.0));
        Guard.InRange(Dropout, 0.0, 0.99);
        if (Rank is { } rank)
        {
            Guard.AtLeast(rank, 1, nameof(Rank));
            Guard.Positive(Alpha ?? 1, nameof(Alpha));
        }
        else if (Alpha is { } alpha)
        {
            throw new ArgumentException($"Alpha is {alpha} and Rank is not set; set both or neither.");
        }
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new SuperTuning(layer, this, build);
}
