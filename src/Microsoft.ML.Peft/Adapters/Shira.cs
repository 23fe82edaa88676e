using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>SHiRA: a few numbers of a frozen weight, chosen at random, are trained.</summary>
/// <remarks>
/// <para><c>W' = W + S</c>, where S (out, in) is zero but for n = r·(in + out) trained numbers.</para>
/// <para>Shapes: weight (n), indices (2, n) Int32, rows and columns, in the file. Trains as many numbers as LoRA of rank r. Starts as the
/// identity.</para>
/// <para>Source: Bhardwaj et al. 2024, arXiv:2406.13175, §3.</para>
/// </remarks>
public sealed class Shira : AdditiveAdapter
{
    [ComponentName(Name = "shira_weight")] private readonly Parameter _values; // (n)
    [ComponentName(Name = "shira_indices")] private readonly Parameter _indices; // (2, n), Int32

    /// <summary>Puts SHiRA on a layer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rank asks for more numbers than the weight has.</exception>
    public Shira(LinearLayer target, ShiraOptions options, AdapterBuild build)
        : base(target)
    {
        var count = options.Rank * (InFeatures + OutFeatures);
        if (count > InFeatures * OutFeatures)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), $"Rank is {options.Rank}, which asks for {count} numbers of '{Path}'; it has {InFeatures * OutFeatures}. Take a smaller rank.");
        }

        _values = Trainable(options.IdentityStart ? build.Initialization.Zeros(count) : build.Initialization.Normal(1, count));
        var positions = SeededPositions.Draw(options.Seed ?? SeededPositions.DefaultSeed, count, InFeatures * OutFeatures).sort(0).Values;
        var (rows, columns) = Entries.Split(positions);
        _indices = Frozen(build.Initialization.Place(stack([rows, columns]).to(ScalarType.Int32)));
        RegisterComponents();
    }

    private SparseMatrix Entries => new(OutFeatures, InFeatures);

    private Tensor Positions
    {
        get
        {
            var indices = _indices.to(ScalarType.Int64);
            return indices.select(0, 0).mul(InFeatures).add_(indices.select(0, 1));
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta() => Entries.Dense(_values, Positions);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
        => Entries.Multiply(x.reshape(-1, InFeatures), InTypeOf(x, _values), Positions).reshape([.. x.shape[..^1], OutFeatures]);

    /// <inheritdoc/>
    protected internal override void Loaded()
    {
        using var scope = NewDisposeScope();
        var (rows, columns) = (_indices.select(0, 0), _indices.select(0, 1));
        if ((rows < 0).logical_or(rows >= OutFeatures).logical_or(columns < 0).logical_or(columns >= InFeatures).any().item<bool>())
        {
            throw new FormatException($"shira_indices of '{Path}' has an index outside the weight of {OutFeatures} rows and {InFeatures} columns; the file is damaged.");
        }
    }
}

/// <summary>Settings of <see cref="Shira"/>.</summary>
[AdapterMethod(
    "SHIRA", AdapterFamily.Selective, Title = "SHiRA", Paper = "arXiv:2406.13175", Formula = "W + S, S sparse", Trained = "r·(in + out)",
    InHuggingFace = true, Merges = true)]
public sealed record ShiraOptions : LinearAdapterOptions
{
    /// <summary>Rank r of the LoRA that would train as many numbers: 1 or more. Default 32.</summary>
    [JsonPropertyName("r"), SearchChoices(8, 16, 32, 64)]
    public int Rank { get; init; } = 32;

    /// <summary>How the numbers are chosen: <c>random</c>. The positions that a file holds are taken whatever chose them.</summary>
    [JsonPropertyName("mask_type")]
    public string MaskType { get; init; } = "random";

    /// <summary>Seed of the choice. Default null: PyTorch's own seed.</summary>
    [JsonPropertyName("random_seed")]
    public long? Seed { get; init; }

    /// <summary>Start as the identity; false for normal numbers. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool IdentityStart { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(Rank, 1);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Shira(layer, this, build);
}
