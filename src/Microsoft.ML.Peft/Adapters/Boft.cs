using System.Text.Json.Serialization;
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
    /// <exception cref="PeftException">The blocks or the factors do not divide the inputs.</exception>
    public Boft(LinearLayer target, BoftOptions options, AdapterBuild build)
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
        _s = Trainable(options.StartsAsIdentity ? build.Initialization.Constant(1, OutFeatures, 1) : build.Initialization.Normal(0.1, OutFeatures, 1).add_(1));
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
        => Turn(weight.to(ScalarType.Float32), Rotations(), inverse: true) * _s; // s ⊙ W·Rᵀ

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var rotations = Rotations();
        if (below.Context.Training && _options.Dropout > 0)
        {
            // Some blocks of one factor are not turned.
            var factor = Math.Min((long)(below.Context.Uniform() * rotations.size(0)), rotations.size(0) - 1);
            var dropped = below.Context.Dropout(ones(rotations.size(1), 1, 1, device: rotations.device), _options.Dropout).eq(0);
            var here = arange(rotations.size(0), device: rotations.device).eq(factor).view(-1, 1, 1, 1);
            rotations = where(here.logical_and(dropped), eye(_size, device: rotations.device), rotations);
        }

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

/// <summary>Settings of <see cref="Boft"/>.</summary>
[AdapterMethod(
    "BOFT", AdapterFamily.Multiplicative, Title = "BOFT", Paper = "arXiv:2311.06243", Formula = "diag(s)·W·Rᵀ, R a butterfly of m rotations", Trained = "m·in·b + out",
    InHuggingFace = true, Merges = true)]
public sealed record BoftOptions : BiasedLinearOptions
{
    /// <summary>Size b of a block, or 0 where <see cref="BlockCount"/> decides. Default 4.</summary>
    [JsonPropertyName("boft_block_size")]
    public int BlockSize { get; init; } = 4;

    /// <summary>Count of blocks, or 0 where <see cref="BlockSize"/> decides. Default 0.</summary>
    [JsonPropertyName("boft_block_num")]
    public int BlockCount { get; init; }

    /// <summary>Count m of factors: 1 or more. Default 1.</summary>
    [JsonPropertyName("boft_n_butterfly_factor")]
    public int Factors { get; init; } = 1;

    /// <summary>Share of the blocks of one factor that are not turned in a training pass: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("boft_dropout")]
    public double Dropout { get; init; }

    /// <summary>Start as the identity; false draws with deviation 0.1, for tests. Default true.</summary>
    [JsonPropertyName("init_weights")]
    public bool StartsAsIdentity { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(BlockSize, 0);
        Guard.AtLeast(BlockCount, 0);
        if ((BlockCount == 0) == (BlockSize == 0))
        {
            throw new ArgumentException($"BlockCount is {BlockCount} and BlockSize is {BlockSize}; set one of them and the other to 0.");
        }

        Guard.AtLeast(Factors, 1);
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Boft(layer, this, build);
}
