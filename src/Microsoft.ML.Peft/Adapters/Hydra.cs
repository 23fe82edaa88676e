using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Hydra: a low-rank branch beside a linear layer and one behind it.</summary>
/// <remarks>
/// <para><c>h = W·x + b; y = h + s_p·(B_p·drop(A_p·x + a_p) + b_p) + s_s·(B_s·drop(A_s·h + a_s) + b_s)</c>.</para>
/// <para>Shapes: A_p (r_p, in); B_p (out, r_p); A_s (r_s, out); B_s (out, r_s); biases if <c>use_bias</c>. Trains r_p·(in + out) + r_s·2·out numbers, with biases
/// r_p + r_s + 2·out more, with a learnt scale one more a branch.</para>
/// <para>Starts as the identity: B and all biases are zero. Merges to <c>W + s_p·B_p·A_p + s_s·B_s·A_s·W</c> and
/// <c>b + s_p·(B_p·a_p + b_p) + s_s·(B_s·A_s·b + B_s·a_s + b_s)</c>, which a layer without a bias gets as a new one until the merge is undone.</para>
/// <para>Source: Kim et al. 2023, "Hydra: Multi-head Low-rank Adaptation", arXiv:2309.06922.</para>
/// </remarks>
public sealed class Hydra : LinearAdapter, ILowRankUpdate
{
    private readonly Branch? _parallel;
    private readonly Branch? _sequential;
    private readonly double _dropout;

    /// <summary>Puts both branches on a layer; a rank of 0 leaves one out.</summary>
    public Hydra(LinearLayer target, HydraOptions options, AdapterBuild build)
        : base(target)
    {
        _dropout = options.Dropout;
        _parallel = options.ParallelRank == 0 ? null : new Branch(this, "p", InFeatures, OutFeatures, options.ParallelRank, options, build.Initialization);
        _sequential = options.SequentialRank == 0 ? null : new Branch(this, "s", OutFeatures, OutFeatures, options.SequentialRank, options, build.Initialization);
    }

    /// <inheritdoc/>
    protected internal override string FileName(string parameter) => $"hydra_{parameter}";

    /// <inheritdoc/>
    protected internal override bool GivesBias => true;

    /// <inheritdoc/>
    protected internal override Tensor Materialize(Tensor weight)
    {
        var merged = weight;
        merged = _parallel is null ? merged : merged + _parallel.Scaled(_parallel.Product());
        return _sequential is null ? merged : merged + _sequential.Scaled(_sequential.Product().mm(weight));
    }

    /// <inheritdoc/>
    protected internal override Tensor? MaterializeBias(Tensor? bias)
    {
        var merged = bias;
        Add(_parallel?.Constant());
        Add(_sequential is null || bias is null ? null : _sequential.Scaled(_sequential.Product().mv(bias)));
        Add(_sequential?.Constant());
        return merged;

        void Add(Tensor? more) => merged = more is null ? merged : merged is null ? more : merged + more;
    }

    /// <inheritdoc/>
    protected internal override Tensor Forward(Tensor x, LayerCall below)
    {
        var h = below.Forward(x);
        var y = _parallel is null ? h : h + _parallel.Apply(x, below.Context, _dropout);
        return _sequential is null ? y : y + _sequential.Apply(h, below.Context, _dropout);
    }

    (Tensor A, Tensor B, Tensor? Bias) ILowRankUpdate.Update()
    {
        var (a, b) = (new List<Tensor>(), new List<Tensor>());
        if (_parallel is not null)
        {
            a.Add(_parallel.Down);
            b.Add(_parallel.Scaled(_parallel.Up));
        }

        if (_sequential is not null)
        {
            a.Add(_sequential.Down.mm(OriginalWeight.to(_sequential.Down.dtype)));
            b.Add(_sequential.Scaled(_sequential.Up));
        }

        var bias = MaterializeBias(Layer.Bias);
        return (cat(a), cat(b, 1), bias is null || ReferenceEquals(bias, Layer.Bias) ? null : Layer.Bias is null ? bias : bias - Layer.Bias);
    }

    private sealed class Branch
    {
        private readonly Parameter _down;     // (r, in)
        private readonly Parameter _up;       // (out, r)
        private readonly Parameter? _downBias; // (r)
        private readonly Parameter? _upBias;   // (out)
        private readonly Parameter? _learnt;   // (1)
        private readonly double _scale;

        public Branch(Hydra owner, string name, long inputs, long outputs, int rank, HydraOptions options, Initialization initialization)
        {
            _down = Keep($"A_{name}", options.DownStart switch
            {
                HydraStart.Xavier => initialization.Uniform(Math.Sqrt(6.0 / (inputs + rank)), rank, inputs),
                HydraStart.Normal => initialization.Normal(0.02, rank, inputs),
                _ => initialization.KaimingUniform(rank, inputs),
            });
            _up = Keep($"B_{name}", initialization.Zeros(outputs, rank));
            _downBias = options.UseBias ? Keep($"A_{name}_bias", initialization.Zeros(rank)) : null;
            _upBias = options.UseBias ? Keep($"B_{name}_bias", initialization.Zeros(outputs)) : null;
            _learnt = options.LearnsScale ? Keep($"scale_{name}", initialization.Constant(options.Scaling, 1)) : null;
            _scale = options.Scaling;

            Parameter Keep(string parameter, Tensor values)
            {
                var kept = Trainable(values);
                owner.register_parameter(parameter, kept);
                return kept;
            }
        }

        public Tensor Down => _down;

        public Tensor Up => _up;

        public Tensor Product() => _up.mm(_down);

        public Tensor? Constant() => _downBias is null ? null : Scaled(_up.mv(_downBias) + _upBias!);

        public Tensor Scaled(Tensor value) => _learnt is null ? value * _scale : value * _learnt;

        public Tensor Apply(Tensor x, ForwardContext context, double dropout)
        {
            var low = context.Dropout(linear(x, InTypeOf(x, _down), _downBias is null ? null : InTypeOf(x, _downBias)), dropout);
            var high = linear(low, InTypeOf(x, _up), _upBias is null ? null : InTypeOf(x, _upBias));
            return _learnt is null ? high * _scale : high * InTypeOf(x, _learnt);
        }
    }
}
