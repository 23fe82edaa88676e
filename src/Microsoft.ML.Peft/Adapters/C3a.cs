using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>C³A: circular convolutions between blocks of inputs and outputs are added to the layer.</summary>
/// <remarks>
/// <para><c>y_m[k] += (1/in)·Σₙ Σⱼ xₙ[j]·w_mn[(j − k) mod b]</c>, by Fourier transforms of length b.
/// The gradient of x is that of HF PEFT, see <see cref="C3aOptions.ExactGradient"/>.</para>
/// <para>Shapes: w (out/b, in/b, b). Trains in·out/b numbers.</para>
/// <para>Does not start as the identity: w is uniform on ±√(6/(in + out)); <see cref="C3aStart.Zero"/> does.</para>
/// <para>Source: Chen et al. 2024, arXiv:2407.19342, §3.</para>
/// </remarks>
public sealed class C3a : AdditiveAdapter
{
    [ComponentName(Name = "c3a_kernel")] private readonly Parameter _kernel; // (out/b, in/b, b)

    private readonly int _size;
    private readonly bool _exact;

    /// <summary>Puts C³A on a layer.</summary>
    /// <exception cref="PeftException">The blocks do not divide the layer's sizes.</exception>
    public C3a(LinearLayer target, C3aOptions options, AdapterBuild build)
        : base(target)
    {
        _size = LayerPattern.Find(options.BlockSizePattern, Path, options.BlockSize);
        Guard.AtLeast(_size, 1);
        _exact = options.ExactGradient;
        if (InFeatures % _size != 0 || OutFeatures % _size != 0)
        {
            throw new PeftException($"The block size is {_size}, which does not divide {InFeatures} inputs and {OutFeatures} outputs of '{Path}'; choose a divisor of both.");
        }

        long[] shape = [OutFeatures / _size, InFeatures / _size, _size];
        var start = build.Initialization;
        _kernel = Trainable(options.Start switch
        {
            C3aStart.Zero => start.Zeros(shape),
            C3aStart.Gaussian => start.Normal(1, shape),
            C3aStart.KaimingUniform => start.Uniform(1 / Math.Sqrt(InFeatures), shape),
            _ => start.Uniform(Math.Sqrt(6.0 / (InFeatures + OutFeatures)), shape),
        });
        RegisterComponents();
    }

    /// <inheritdoc/>
    protected internal override Tensor Delta()
    {
        var places = new long[_size * _size]; // [k, j] is (j − k) mod b
        for (var k = 0; k < places.Length; k++)
        {
            places[k] = ((k % _size) - (k / _size) + _size) % _size;
        }

        return _kernel.index_select(2, tensor(places, device: _kernel.device))
            .view(_kernel.size(0), _kernel.size(1), _size, _size).permute(0, 2, 1, 3).reshape(OutFeatures, InFeatures).div((double)InFeatures);
    }

    /// <inheritdoc/>
    protected override Tensor Correction(Tensor x, ForwardContext context)
    {
        if (x.numel() == 0)
        {
            return base.Correction(x, context); // some libraries transform no empty tensors
        }

        var front = x.shape[..^1];
        var blocks = x.to(ScalarType.Float32).reshape([-1, InFeatures / _size, _size]); // Fourier transforms need Float32
        var y = _exact ? Correlation.Of(blocks, _kernel) : Correlation.apply(blocks, _kernel);
        return y.reshape([.. front, OutFeatures]).div((double)InFeatures).to(x.dtype);
    }

    /// <summary>The correlation of blocks x (rows, n, b) with kernels w (m, n, b), with the gradient that HF PEFT computes.</summary>
    private sealed class Correlation : autograd.SingleTensorFunction<Correlation>
    {
        public override string Name => nameof(Correlation);

        /// <summary>Correlates; the gradient of this is the true one.</summary>
        public static Tensor Of(Tensor x, Tensor w) => Inverse(fft.rfft(x).permute(2, 0, 1).matmul(fft.rfft(w).conj().permute(2, 1, 0)), x.size(2)); // (rows, m, b)

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.save_for_backward([(Tensor)vars[0], (Tensor)vars[1]]);
            return Of((Tensor)vars[0], (Tensor)vars[1]);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var (x, w, size) = (ctx.get_saved_variables()[0], ctx.get_saved_variables()[1], grad_output.size(2));
            var gradient = fft.rfft(grad_output).permute(2, 0, 1).conj();                                        // (f, rows, m)
            var ofX = Inverse(gradient.matmul(fft.rfft(w).permute(2, 0, 1)), size);                              // Σₖ g[k]·w[k + j], not w[j − k]
            var ofW = Inverse(gradient.transpose(1, 2).matmul(fft.rfft(x).permute(2, 0, 1)), size);              // Σₖ g[k]·x[k + j]
            return [ofX, ofW];
        }

        // A product (f, a, b) back to (a, b, size).
        private static Tensor Inverse(Tensor product, long size) => fft.irfft(product.permute(1, 2, 0), size);
    }
}

/// <summary>How the kernels of C³A start.</summary>
[JsonConverter(typeof(C3aStartConverter))]
public enum C3aStart
{
    /// <summary>Uniform on ±√(6/(in + out)).</summary>
    XavierUniform,

    /// <summary>Uniform on ±1/√in.</summary>
    KaimingUniform,

    /// <summary>Normal with deviation 1.</summary>
    Gaussian,

    /// <summary>At 0: the identity.</summary>
    Zero,
}

/// <summary>Settings of <see cref="C3a"/>.</summary>
[AdapterMethod(
    "C3A", AdapterFamily.Additive, Title = "C³A", Paper = "arXiv:2407.19342", Formula = "W + circulant blocks/in", Trained = "in·out/b", InHuggingFace = true, Merges = true)]
public sealed record C3aOptions : BiasedLinearOptions
{
    /// <summary>Size b of a block, a divisor of inputs and outputs. Default 256.</summary>
    [JsonPropertyName("block_size")]
    public int BlockSize { get; init; } = 256;

    /// <summary>Block sizes of single layers, by pattern on the end of the path. Default none.</summary>
    [JsonPropertyName("block_size_pattern")]
    public IReadOnlyDictionary<string, int>? BlockSizePattern { get; init; }

    /// <summary>How the kernels start. Default Xavier-uniform.</summary>
    [JsonPropertyName("init_weights")]
    public C3aStart Start { get; init; }

    /// <summary>Use the true gradient of the layer's input. Default false: what HF PEFT and the authors' code compute, which reads the kernel in
    /// the other direction and so trains the layers below on another gradient; files do not depend on it.</summary>
    [JsonPropertyName("exact_gradient")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool ExactGradient { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(BlockSize, 1);
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new C3a(layer, this, build);
}

internal sealed class C3aStartConverter() : NamedStartConverter<C3aStart>(
    (C3aStart.XavierUniform, "xavier_uniform"), (C3aStart.KaimingUniform, "kaiming_uniform"), (C3aStart.Gaussian, "gaussian"), (C3aStart.Zero, true), (C3aStart.XavierUniform, false));
