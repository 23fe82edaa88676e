using System.Security.Cryptography;
using Microsoft.ML.Peft.Adapters.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The factors that <see cref="LoLdu"/> makes of a weight (out, in), and the diagonal that is trained between them: <c>s·B·diag(z − z₀)·A</c>.</summary>
internal sealed class LoLduDiagonal
{
    private readonly string _path;
    private readonly Parameter _z;   // (r)
    private readonly Tensor _start;  // z₀ (r)
    private readonly Tensor? _hash;  // (16) bytes that tell the weight from others
    private readonly double _scale;
    private readonly int _asked;

    /// <summary>Factors the weight and registers the tensors on the part that owns them.</summary>
    /// <exception cref="PeftException">The rank is above the smaller side of the weight, or the weight has no pivot.</exception>
    public LoLduDiagonal(nn.Module owner, string path, Tensor matrix, LoLduOptions options, Initialization initialization)
    {
        (_path, _asked) = (path, options.Rank);
        if (_asked > Math.Min(matrix.size(0), matrix.size(1)))
        {
            throw new PeftException($"r is {_asked} and '{path}' ({matrix.size(0)} × {matrix.size(1)}) has {Math.Min(matrix.size(0), matrix.size(1))} pivots; lower r.");
        }

        _scale = options.Alpha / _asked;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var weight = matrix.to(ScalarType.Float64);
        var (p, l, u) = linalg.lu(weight);
        var rank = Usable(path, u.diagonal(), _asked, options.PivotEps);
        var pivots = u.diagonal().narrow(0, 0, rank);
        A = Keep("factor_A", u.narrow(0, 0, rank) / pivots.unsqueeze(1), options.SavesFactors);
        B = Keep("factor_B", p.mm(l).narrow(1, 0, rank), options.SavesFactors);
        var diagonal = pivots.to(ScalarType.Float32);
        var z = Start(options.Start, diagonal, initialization);

        // A drawn start is none that could be found again, so that a file has to have it.
        _start = Keep("start_z", options.ResidualFromPivots ? diagonal : z, options.SavesFactors || (!options.ResidualFromPivots && options.StartIsDrawn));
        _z = new Parameter(z.clone());
        _z.DetachFromDisposeScope();
        owner.register_parameter("vector_z", _z);
        if (!options.SavesFactors)
        {
            _hash = tensor(SHA256.HashData(weight.to(ScalarType.Float32).cpu().contiguous().bytes)[..16]).DetachFromDisposeScope();
            owner.register_buffer("base_hash", _hash, persistent: false);
        }

        Tensor Keep(string name, Tensor values, bool saved)
        {
            var kept = values.to(ScalarType.Float32, copy: true).contiguous();
            if (saved)
            {
                var parameter = new Parameter(kept, requires_grad: false);
                parameter.DetachFromDisposeScope();
                owner.register_parameter(name, parameter);
                return parameter;
            }

            kept.DetachFromDisposeScope();
            owner.register_buffer(name, kept, persistent: false);
            return kept;
        }
    }

    /// <summary>A (r, in).</summary>
    public Tensor A { get; }

    /// <summary>B (out, r).</summary>
    public Tensor B { get; }

    /// <summary>What a user should know, or null: a weight with fewer pivots than were asked for.</summary>
    public string? Note => _z.size(0) == _asked ? null : $"'{_path}' has {_z.size(0)} usable pivots and r is {_asked}; {_z.size(0)} numbers of it are trained.";

    /// <summary>The hash of the base weight, where a file has not the factors.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Companions => _hash is null ? [] : [("base_hash", _hash)];

    /// <summary><c>s·(z − z₀)</c> (r).</summary>
    public Tensor Moved() => (_z - _start).mul(_scale);

    /// <summary>ΔW (out, in).</summary>
    public Tensor Delta() => (B * Moved()).mm(A);

    // Behind the first pivot that is too small there is nothing to divide by.
    private static int Usable(string path, Tensor pivots, int asked, double smallest)
    {
        var sizes = pivots.abs().cpu().data<double>().ToArray();
        var least = sizes.Max() * smallest;
        var usable = sizes.Take(asked).TakeWhile(size => size > 0 && size >= least).Count();
        return usable > 0 ? usable : throw new PeftException($"The weight of '{path}' has no pivot to begin with: a column of zeros. Leave the layer out of the targets.");
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
