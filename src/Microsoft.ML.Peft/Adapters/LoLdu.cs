using System.Security.Cryptography;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>LoLDU: the weight is factored as P·L·D·U and the first r numbers of the diagonal D are trained.</summary>
/// <remarks>
/// <para><c>W' = W + s·B·diag(z − z₀)·A</c> with <c>B = P·L[:, :r]</c>, <c>A = U[:r]</c>, <c>s = α/r</c> and z₀ the first r pivots, which are in no order.</para>
/// <para>Shapes: z (r); B (out, r); A (r, in); the factors are made again from the base when an adapter is loaded, unless the file has them. Trains r numbers; fewer
/// on a layer whose weight runs out of pivots before.</para>
/// <para>Starts as the identity, whatever z starts with, unless <c>residual_from_pivots</c> is set: then other starts than the pivots change the model, as in the authors' code.
/// No weight decay acts on z, which would pull the pivots of the base model towards zero.</para>
/// <para>Source: Shi et al. 2024, arXiv:2410.13618.</para>
/// </remarks>
public sealed class LoLdu : AdditiveAdapter, ILowRankUpdate
{
    private readonly Parameter _z;   // (r)
    private readonly Tensor _start;  // z₀ (r)
    private readonly Tensor _b;      // (out, r)
    private readonly Tensor _a;      // (r, in)
    private readonly Tensor? _hash;  // (16) bytes that tell the weight from others
    private readonly double _scale;
    private readonly int _asked;

    /// <summary>Factors the weight of a layer.</summary>
    /// <exception cref="PeftException">The rank is above the smaller side of the layer, or the weight has no pivot.</exception>
    public LoLdu(LinearLayer target, LoLduOptions options, AdapterBuild build)
        : base(target)
    {
        _asked = options.Rank;
        if (_asked > Math.Min(InFeatures, OutFeatures))
        {
            throw new PeftException($"r is {_asked} and '{Path}' ({OutFeatures} × {InFeatures}) has {Math.Min(InFeatures, OutFeatures)} pivots; lower r.");
        }

        _scale = options.Alpha / _asked;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var weight = target.Weight.Dense().to(ScalarType.Float64);
        var (p, l, u) = linalg.lu(weight);
        var rank = Usable(u.diagonal(), options.PivotEps);
        var pivots = u.diagonal().narrow(0, 0, rank);
        var (a, b) = (u.narrow(0, 0, rank) / pivots.unsqueeze(1), p.mm(l).narrow(1, 0, rank));
        (_a, _b) = (Keep("factor_A", a, options.SavesFactors), Keep("factor_B", b, options.SavesFactors));
        var diagonal = pivots.to(ScalarType.Float32);
        var z = Start(options.Start, diagonal, build.Initialization);
        // A drawn start is none that could be found again, so that a file has to have it.
        _start = Keep("start_z", options.ResidualFromPivots ? diagonal : z, options.SavesFactors || (!options.ResidualFromPivots && options.StartIsDrawn));
        _z = Trainable(z.clone());
        register_parameter("vector_z", _z);
        if (!options.SavesFactors)
        {
            _hash = tensor(SHA256.HashData(weight.to(ScalarType.Float32).cpu().contiguous().bytes)[..16]).DetachFromDisposeScope();
            register_buffer("base_hash", _hash, persistent: false);
        }

        Tensor Keep(string name, Tensor values, bool saved)
        {
            var kept = values.to(ScalarType.Float32, copy: true).contiguous();
            if (saved)
            {
                var parameter = Frozen(kept);
                register_parameter(name, parameter);
                return parameter;
            }

            kept.DetachFromDisposeScope();
            register_buffer(name, kept, persistent: false);
            return kept;
        }
    }

    /// <summary>What a user should know, or null: a weight with fewer pivots than were asked for.</summary>
    internal string? Note => _z.size(0) == _asked ? null : $"'{Path}' has {_z.size(0)} usable pivots and r is {_asked}; {_z.size(0)} numbers of it are trained.";

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Name, Tensor Tensor)> Companions => _hash is null ? [] : [("base_hash", _hash)];

    /// <inheritdoc/>
    protected internal override OptimizerGroup GroupOf(string parameter) => new("", Decays: false);

    (Tensor A, Tensor B, Tensor? Bias) ILowRankUpdate.Update() => (_a, _b * (_z - _start).mul(_scale), null);

    /// <inheritdoc/>
    protected internal override Tensor Delta() => (_b * (_z - _start).mul(_scale)).mm(_a);

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
        => linear(linear(x, InTypeOf(x, _a)) * InTypeOf(x, (_z - _start).mul(_scale)), InTypeOf(x, _b));

    // Behind the first pivot that is too small there is nothing to divide by.
    private int Usable(Tensor pivots, double smallest)
    {
        var sizes = pivots.abs().cpu().data<double>().ToArray();
        var least = sizes.Max() * smallest;
        var usable = sizes.Take(_asked).TakeWhile(size => size > 0 && size >= least).Count();
        return usable > 0 ? usable : throw new PeftException($"The weight of '{Path}' has no pivot to begin with: a column of zeros. Leave the layer out of the targets.");
    }

    private static Tensor Start(LoLduStart start, Tensor pivots, Initialization random)
    {
        var (rank, mean) = (pivots.size(0), pivots.mean().item<float>());
        return start switch
        {
            LoLduStart.Uniform => random.Uniform(Math.Abs(mean) / 2, rank),
            LoLduStart.SUniform => random.Uniform(1, rank),
            LoLduStart.Normal => random.Normal(rank > 1 ? pivots.std().item<float>() : 0, rank).add_(mean),
            LoLduStart.SNormal => random.Normal(1, rank),
            LoLduStart.Constant => random.Constant(mean, rank),
            LoLduStart.Ones => random.Constant(1, rank),
            LoLduStart.Zeros => random.Zeros(rank),
            _ => pivots,
        };
    }
}
