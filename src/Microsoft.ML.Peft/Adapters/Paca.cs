using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>PaCA: some input columns of the weight are trained, and only the inputs of these columns are kept for the backward pass.</summary>
/// <remarks>
/// <para><c>y = x·W'ᵀ + b</c>, W' the weight W with the columns I replaced by s·P, <c>s = α/r</c>.</para>
/// <para>Shapes: I (r) different columns; P (out, r). Trains r·out numbers. Starts as the identity: P = W[:, I]/s, exactly in half
/// precision only where s is a power of two. P counts, and is written, in the type of the base; the optimizer moves a copy in Float32.</para>
/// <para>The base is shared and stays as it is, so the columns act as a thin product beside it, <c>x·Wᵀ + x[…, I]·(s·P − W[:, I])ᵀ</c>. The frozen product
/// keeps no input for the backward pass and the thin one keeps x[…, I]: r numbers a token. With <see cref="PacaOptions.WritesThrough"/> the columns stand
/// in the base weight while it is trained, as in the paper: one product forward, <c>dP = s·Gᵀ·x[…, I]</c> and <c>dx = G·W'</c> backward.
/// A quantised weight is never rewritten: W' is made anew in each pass, forward and backward. <see cref="AdapterSet.Merge"/> writes the columns through.</para>
/// <para>Weight decay would pull the columns of the base model towards zero: the optimizer's leaves P out, and
/// <see cref="PacaOptions.ChangeDecay"/> decays what the columns differ from the base.</para>
/// <para>Source: Woo et al. 2025, arXiv:2503.01905.</para>
/// </remarks>
public sealed class Paca : LinearAdapter, ILowRankUpdate
{
    private readonly Parameter _columns; // P (out, r)
    private readonly Parameter _indices; // I (r)
    private readonly double _scale;
    private readonly ScalarType _type; // of P; the parameter is its master copy in Float32
    private readonly bool _keepsBase;
    private bool _isWritten; // the base weight has the columns
    private bool _hasLostBase; // it had them, and what was there was not kept
    private Tensor? _kept; // W[:, I] (out, r) while the base weight has other columns

    /// <summary>Chooses the columns of a layer.</summary>
    /// <exception cref="PeftException">The rank is above the layer's inputs.</exception>
    public Paca(LinearLayer target, PacaOptions options, AdapterBuild build)
        : base(target)
    {
        var rank = LayerPattern.Find(options.RankPattern, Path, options.Rank);
        if (rank > InFeatures)
        {
            throw new PeftException($"The rank on '{Path}' is {rank}; it must be from 1 to {InFeatures}, the inputs of that layer.");
        }

        _scale = LayerPattern.Find(options.AlphaPattern, Path, options.Alpha) / rank;
        _keepsBase = options.KeepsBaseColumns;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var stored = target.Weight.Stored.dtype;
        _type = options.ParamType ?? (stored is ScalarType.BFloat16 or ScalarType.Float16 ? stored : ScalarType.Float32); // a quantised base stores bytes
        var weight = target.Weight.Dense();
        var order = options.Selection == PacaSelection.Random
            ? build.Initialization.Uniform(1, InFeatures).argsort()
            : weight.to(ScalarType.Float32).square().sum([0L]).argsort(descending: options.Selection == PacaSelection.LargestNorm);
        _indices = Frozen(order.narrow(0, 0, rank).contiguous());
        _columns = Trainable(weight.t().index_select(0, _indices).t().to(ScalarType.Float32).div(_scale).contiguous()); // chosen as rows and before they are converted: a plan of a large model has many layers
        register_parameter("paca_P", _columns);
        register_parameter("paca_indices", _indices);
    }

    /// <inheritdoc/>
    protected internal override OptimizerGroup GroupOf(string parameter) => new("", Decays: false);

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Parameter, Tensor Tensor)> Written()
        => base.Written().Select(w => (w.Parameter, w.Parameter == "paca_P" ? Rounded() : w.Tensor));

    /// <inheritdoc/>
    protected internal override void Loaded()
    {
        var columns = _indices.cpu().data<long>().ToArray();
        if (columns.Distinct().Count() != columns.Length || columns.Any(c => c < 0 || c >= InFeatures))
        {
            throw new FormatException($"paca_indices of '{Path}' must be different columns from 0 to {InFeatures - 1}, and are not; the file is damaged.");
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight) => weight.index_copy(1, _indices, InTypeOf(weight, Scaled()));

    /// <inheritdoc/>
    protected internal override bool ChangesNothing()
    {
        using var scope = NewDisposeScope();
        return !_hasLostBase && _columns.eq(BaseColumns().to(ScalarType.Float32).div(_scale)).all().item<bool>(); // as it starts
    }

    (Tensor A, Tensor B, Tensor? Bias) ILowRankUpdate.Update()
    {
        var chosen = zeros(_indices.size(0), InFeatures, device: _columns.device)
            .scatter(1, _indices.unsqueeze(1), ones(_indices.size(0), 1, device: _columns.device)); // (r, in)
        return (chosen, InTypeOf(_columns, Scaled()) - BaseColumns().to(ScalarType.Float32), null);
    }

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        if (_isWritten)
        {
            return Written(x, below);
        }

        if (Layer.Weight.IsQuantized && below.KeepsWeight)
        {
            return WithBias(RebuiltProduct.apply(x, Layer.Weight, InTypeOf(x, Scaled()), _indices), below);
        }

        var moved = InTypeOf(x, InTypeOf(_columns, Scaled()) - below.Weight().index_select(1, _indices).to(ScalarType.Float32));
        if (!below.IsBase)
        {
            return below.Forward(x) + linear(x.index_select(-1, _indices), moved); // what other adapters give may be kept by somebody
        }

        // The frozen product is nobody's saved tensor, so the thin one is added in place.
        var rows = x.reshape(-1, InFeatures);
        var y = below.Forward(rows).addmm_(rows.index_select(1, _indices), moved.t());
        return x.dim() == 2 ? y : y.view([.. x.shape[..^1], OutFeatures]);
    }

    private Tensor Written(Tensor x, LayerCall below)
    {
        if (!below.KeepsWeight)
        {
            throw new PeftException($"PaCA has written its columns into '{Path}', where another adapter acts too; train it alone, or without WritesThrough.");
        }

        var (weight, bias) = (Layer.Weight.Dense(), below.Bias());
        bias = bias is null ? null : InTypeOf(x, bias);
        return is_grad_enabled() ? WrittenColumns.Product(x, _columns, weight, _indices, _scale, bias) : linear(x, weight, bias);
    }

    private static Tensor WithBias(Tensor y, LayerCall below) => below.Bias() is { } bias ? y + InTypeOf(y, bias) : y;

    /// <summary>True where the columns can be put into the base weight; a quantised one is made anew in each pass anyway.</summary>
    /// <exception cref="PeftException">Another layer would change too.</exception>
    internal bool CanBeWritten() => !Layer.Weight.IsBorrowed ? !Layer.Weight.IsQuantized
        : throw new PeftException($"WritesThrough is set and '{Path}' shares its weight with another layer, which would change too; leave it out of the targets.");

    /// <summary>What layers have alike whose columns can be scaled together: s, the type of P and that of the weight.</summary>
    internal (double Scale, ScalarType Type, ScalarType Weight) Form => (_scale, _type, Layer.Weight.Stored.dtype);

    /// <summary>P end to end, as the optimizer moves it.</summary>
    internal Tensor Numbers => _columns.detach().reshape(-1);

    /// <summary>From now on the base weight has the columns, which <see cref="Write"/> puts there.</summary>
    internal void Begin()
    {
        using var _ = no_grad();
        _kept = _keepsBase ? Layer.Weight.Dense().index_select(1, _indices).DetachFromDisposeScope() : null;
        (_isWritten, _hasLostBase) = (true, _hasLostBase || !_keepsBase);
    }

    /// <summary>Puts columns into the base weight.</summary>
    /// <param name="columns">s·P (out, r) or a view of as many numbers, in the type of the weight.</param>
    internal void Write(Tensor columns) => Layer.Weight.Dense().index_copy_(1, _indices, columns.view(OutFeatures, _indices.size(0)));

    /// <summary>Puts back what was there, to the last bit, if it was kept.</summary>
    internal void End()
    {
        _isWritten = false;
        if (_kept is not null)
        {
            using var _ = no_grad();
            Write(_kept);
            _kept.Dispose();
            _kept = null;
        }
    }

    /// <summary>Moves the columns towards those of the base by a share of what they differ.</summary>
    internal void Decay(double share)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _columns.sub_(_columns.sub(BaseColumns().to(ScalarType.Float32).div(_scale)).mul_(share));
    }

    // P as it counts, and s·P, both in P's type.
    private Tensor Rounded() => _columns.dtype == _type ? _columns : _columns.to(_type);

    private Tensor Scaled() => Rounded() * _scale;

    private Tensor BaseColumns() => _hasLostBase
        ? throw new PeftException($"The columns that '{Path}' had before PaCA was trained were not kept, as KeepsBaseColumns is false; load the base model anew.")
        : _kept ?? OriginalWeight.index_select(1, _indices);
}
