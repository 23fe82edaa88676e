using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>BOFT: the inputs of a layer are turned by a product of m sparse rotations, a butterfly, and its outputs scaled.</summary>
/// <remarks>
/// <para><c>y = s ⊙ (W·(x·R)) + b</c>, <c>R = F_m·…·F₁</c>, <c>F_i = P_i·blockdiag(O_i)·P_iᵀ</c>, <c>O = (I − S)·(I + S)⁻¹</c> with S the skew part of
/// the parameter; P_i puts the even half blocks of b·2ⁱ⁻¹ features before the odd ones.</para>
/// <para>Shapes: parameter (m, blocks, b, b), s (out, 1). Trains m·in·b + out numbers.</para>
/// <para>Starts as the identity: the parameter is 0, s is 1.</para>
/// <para>Source: Liu et al. 2024, arXiv:2311.06243, §4. Files of HF PEFT have one factor where it had no CUDA extension, whatever its settings say.</para>
/// </remarks>
public sealed class Boft : LinearAdapter
{
    private readonly BoftOptions _options;
    private readonly long _size;
    private Parameter _r; // (m, blocks, b, b)
    private readonly Parameter _s; // (out, 1)
    private Tensor[] _places = []; // of each factor: P_i as indices, then its inverse

    /// <summary>Puts BOFT on a layer.</summary>
    /// <param name="target">The layer.</param>
    /// <param name="options">The settings.</param>
    /// <param name="build">What there is to make it of.</param>
    /// <param name="ofConvolution">True for the filters of a convolution, whose s HF PEFT keeps as a row.</param>
    /// <exception cref="PeftException">The blocks or the factors do not divide the inputs.</exception>
    public Boft(LinearLayer target, BoftOptions options, AdapterBuild build, bool ofConvolution = false)
        : base(target)
    {
        _options = options;
        var (count, m) = (options.BlockCount, options.Factors);
        if (InFeatures % Math.Max(count, options.BlockSize) != 0)
        {
            throw new PeftException($"'{Path}' has {InFeatures} inputs, which {(count > 0 ? $"{count} blocks do" : $"blocks of {options.BlockSize} do")} not divide; choose a divisor.");
        }

        _size = count > 0 ? InFeatures / count : options.BlockSize;
        if (m > 1 && (_size % 2 != 0 || m > 62 || InFeatures % (_size << (m - 1)) != 0))
        {
            throw new PeftException(
                $"'{Path}' has {InFeatures} inputs in blocks of {_size}; {m} factors need even blocks and inputs that are a multiple of {_size}·2^{m - 1}. Set fewer factors.");
        }

        long[] shape = [m, InFeatures / _size, _size, _size];
        _r = Trainable(options.StartsAsIdentity ? build.Initialization.Zeros(shape) : build.Initialization.Normal(0.1, shape));
        long[] outputs = ofConvolution ? [1, OutFeatures] : [OutFeatures, 1];
        _s = Trainable(options.StartsAsIdentity ? build.Initialization.Constant(1, outputs) : build.Initialization.Normal(0.1, outputs).add_(1));
        register_parameter("boft_R", _r);
        register_parameter("boft_s", _s);
        MakePlaces(m);
    }

    /// <inheritdoc/>
    protected internal override void Expect(IReadOnlyDictionary<string, long[]> shapes)
    {
        // HF PEFT writes one factor where it had no CUDA extension.
        if (shapes.TryGetValue("boft_R", out var shape) && shape.Length == 4 && shape[0] == 1 && _options.Factors > 1)
        {
            var old = _r;
            _r = Trainable(old.detach().narrow(0, 0, 1).clone());
            register_parameter("boft_R", null!);
            register_parameter("boft_R", _r);
            old.Dispose();
            MakePlaces(1);
        }
    }

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
        => Turn(weight.to(ScalarType.Float32), Rotations(), inverse: true) * _s.view(-1, 1); // s ⊙ W·Rᵀ

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight, ForwardContext context)
        => Turn(weight.to(ScalarType.Float32), Rotations(context), inverse: true) * _s.view(-1, 1);

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var rotations = Rotations(below.Context);
        var turned = Turn(x, rotations.to(x.dtype), inverse: false);
        var scale = InTypeOf(x, _s).view(-1);
        if (below.IsBase)
        {
            var y = Layer.Weight.Multiply(turned, null) * scale;
            return Layer.Bias is null ? y : y + Layer.Bias;
        }

        var bias = below.Bias()?.to(x.dtype);
        var output = below.Forward(turned);
        return bias is null ? output * scale : ((output - bias) * scale) + bias;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Array.ForEach(_places, place => place.Dispose());
        }

        base.Dispose(disposing);
    }

    /// <summary>The order of features that a factor works in: in each group the even chunks, then the odd ones.</summary>
    /// <param name="features">Count of features.</param>
    /// <param name="width">Features of a group.</param>
    /// <param name="chunk">Features of a chunk.</param>
    internal static long[] Order(long features, long width, long chunk)
        => [.. from start in Range(features / width)
               from odd in Range(2)
               from k in Range(width / chunk / 2)
               from place in Range(chunk)
               select (start * width) + (((2 * k) + odd) * chunk) + place];

    private static IEnumerable<long> Range(long count) => Enumerable.Range(0, checked((int)count)).Select(k => (long)k);

    private void MakePlaces(int factors)
    {
        Array.ForEach(_places, place => place.Dispose());
        _places = [.. Enumerable.Range(0, factors).SelectMany(i =>
        {
            var order = factors == 1 ? [.. Range(InFeatures)] : Order(InFeatures, _size << i, _size / 2);
            var inverse = new long[order.Length];
            for (var k = 0; k < order.Length; k++)
            {
                inverse[order[k]] = k;
            }

            return new[] { order, inverse }.Select(indices => tensor(indices, device: _r.device).DetachFromDisposeScope());
        })];
    }

    private Tensor Rotations(ForwardContext context)
    {
        var rotations = Rotations();
        if (!context.Training || _options.Dropout == 0)
        {
            return rotations;
        }

        // Some blocks of one factor are not turned.
        var factor = Math.Min((long)(context.Uniform() * rotations.size(0)), rotations.size(0) - 1);
        var dropped = context.Dropout(ones(rotations.size(1), 1, 1, device: rotations.device), _options.Dropout).eq(0);
        var here = arange(rotations.size(0), device: rotations.device).eq(factor).view(-1, 1, 1, 1);
        return where(here.logical_and(dropped), eye(_size, device: rotations.device), rotations);
    }

    private Tensor Rotations() // (m, blocks, b, b)
    {
        var skew = (_r - _r.transpose(2, 3)).mul(0.5);
        return CayleyRotation.Exact(skew);
    }

    /// <summary>x·R, or x·Rᵀ.</summary>
    private Tensor Turn(Tensor x, Tensor rotations, bool inverse)
    {
        var factors = (int)rotations.size(0);
        for (var k = 0; k < factors; k++)
        {
            var i = inverse ? k : factors - 1 - k;
            var rotation = inverse ? rotations[i].transpose(1, 2) : rotations[i];
            if (i > 0) // the order of the first factor is the features' own
            {
                x = x.index_select(-1, _places[(2 * i) + 1]);
            }

            x = CayleyRotation.Rotate(x, rotation);
            if (i > 0)
            {
                x = x.index_select(-1, _places[2 * i]);
            }
        }

        return x;
    }
}
