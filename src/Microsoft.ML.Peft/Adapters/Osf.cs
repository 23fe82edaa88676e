using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>OSF: the small singular values of a weight and their vectors are trained, at right angles to the frozen large ones.</summary>
/// <remarks>
/// <para><c>W = U·diag(S)·Vᵀ</c> is cut after k values; <c>W' = U_high·diag(S_high)·V_highᵀ + U·diag(S)·Vᵀ</c> with the low part trained.
/// The gradients of U and V lose what lies in the span of the frozen vectors.</para>
/// <para>Shapes, m = min(in, out): U (out, m − k), S (m − k), V (m − k, in). Trains (m − k)·(in + out + 1) numbers. Starts as the identity.</para>
/// <para>Source: Nayak et al. 2025, Sculpting Subspaces, arXiv:2504.07097.</para>
/// </remarks>
public sealed class Osf : WholeWeightAdapter
{
    [ComponentName(Name = "U_low")] private readonly Parameter _u; // (out, m − k)
    [ComponentName(Name = "S_low")] private readonly Parameter _s; // (m − k)
    [ComponentName(Name = "V_low")] private readonly Parameter _v; // (m − k, in)
    [ComponentName(Name = "U_high")] private readonly Parameter _frozenU; // (out, k)
    [ComponentName(Name = "S_high")] private readonly Parameter _frozenS; // (k)
    [ComponentName(Name = "V_high")] private readonly Parameter _frozenV; // (k, in)

    /// <summary>Puts OSF on a layer.</summary>
    /// <exception cref="ArgumentException">The frozen rank leaves nothing to train, or is 0.</exception>
    public Osf(LinearLayer target, OsfOptions options)
        : base(target)
    {
        var all = Math.Min(InFeatures, OutFeatures);
        var frozen = options.FrozenRankOf(Path, all);
        if (frozen < 1 || frozen >= all)
        {
            throw new ArgumentException($"FrozenRank gives {frozen} of the {all} singular values of '{Path}'; it must be from 1 to {all - 1}.");
        }

        var (u, s, v) = linalg.svd(target.FrozenWeight.to(ScalarType.Float32), fullMatrices: false);
        _u = Trainable(Columns(u, frozen, all));
        _s = Trainable(s.narrow(0, frozen, all - frozen).clone());
        _v = Trainable(v.narrow(0, frozen, all - frozen).clone().contiguous());
        _frozenU = Frozen(Columns(u, 0, frozen));
        _frozenS = Frozen(s.narrow(0, 0, frozen).clone());
        _frozenV = Frozen(v.narrow(0, 0, frozen).clone().contiguous());
        RegisterComponents();

        static Tensor Columns(Tensor x, long from, long to) => x.narrow(1, from, to - from).clone().contiguous();
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => $"osf_svd_params.{parameter}";

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => parameter.EndsWith("_low", StringComparison.Ordinal);

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => IsSaved(parameter);

    /// <inheritdoc/>
    protected internal override Tensor Weight()
        => _frozenU.mul(_frozenS).mm(_frozenV) + Left().mul(_s).mm(Right());

    /// <inheritdoc/>
    protected override Tensor Multiply(Tensor x, ForwardContext context)
        => linear(linear(x, InTypeOf(x, _frozenV)), InTypeOf(x, _frozenU.mul(_frozenS))) + linear(linear(x, InTypeOf(x, Right())), InTypeOf(x, Left().mul(_s)));

    // The number is the parameter's own; only the gradient of the part in the frozen span is cut off.
    private Tensor Left()
    {
        var inside = _frozenU.mm(_frozenU.t().mm(_u));
        return _u - inside + inside.detach();
    }

    private Tensor Right()
    {
        var inside = _v.mm(_frozenV.t()).mm(_frozenV);
        return _v - inside + inside.detach();
    }
}

/// <summary>Settings of <see cref="Osf"/>.</summary>
[AdapterMethod(
    "OSF", AdapterFamily.Selective, Title = "OSF", Paper = "arXiv:2504.07097", Formula = "U_high·S_high·V_highᵀ + U·S·Vᵀ",
    Trained = "(min(in, out) − k)·(in + out + 1)", InHuggingFace = true, Merges = true)]
public sealed record OsfOptions : LinearAdapterOptions
{
    private static readonly TimeSpan s_patternLimit = TimeSpan.FromMilliseconds(200);

    /// <summary>How many singular values stay frozen: a count of 1 or more, or a share between 0 and 1. Default null: half of them.</summary>
    [JsonPropertyName("effective_rank")]
    public double? FrozenRank { get; init; }

    /// <summary>The same for single layers, by a pattern anywhere in the path. Default none.</summary>
    [JsonPropertyName("rank_pattern")]
    public IReadOnlyDictionary<string, double>? RankPattern { get; init; }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> FieldsWithoutEffect => ["init_weights", "target_svd_config"];

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (FrozenRank is { } rank)
        {
            Guard.Positive(rank, nameof(FrozenRank));
        }
    }

    /// <inheritdoc/>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone)
    {
        // Every linear layer of the blocks, as HF PEFT's lists have them for decoders.
        var layers = backbone.Layers.Newer ?? backbone.Layers;
        return [.. layers.OfType<LinearLayer>().Where(l => !l.ScoresVocabulary && l.Path.Split('.').Any(part => part.All(char.IsAsciiDigit)))
            .Select(l => l.Path[(l.Path.LastIndexOf('.') + 1)..]).Distinct()];
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Osf(layer, this);

    internal long FrozenRankOf(string path, long all)
    {
        var rank = FrozenRank;
        foreach (var (pattern, value) in RankPattern ?? new Dictionary<string, double>())
        {
            try
            {
                if (Regex.IsMatch(path, pattern, RegexOptions.CultureInvariant, s_patternLimit))
                {
                    rank = value;
                    break;
                }
            }
            catch (Exception error) when (error is RegexMatchTimeoutException or ArgumentException)
            {
                throw new PeftException($"The layer pattern '{pattern}' cannot be used: {error.Message}", error);
            }
        }

        return rank is null ? all / 2 : (long)(rank < 1 ? all * rank.Value : rank.Value);
    }
}
