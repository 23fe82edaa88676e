using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
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
/// <para>Starts as the identity: B and all biases are zero. Merges to <c>W + s_p·B_p·A_p + s_s·B_s·A_s·W</c> and the bias that goes with it.</para>
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

/// <summary>How the down matrices of <see cref="Hydra"/> start.</summary>
public enum HydraStart
{
    /// <summary>Kaiming-uniform with a = √5.</summary>
    Kaiming,

    /// <summary>Xavier-uniform.</summary>
    Xavier,

    /// <summary>Normal with deviation 0.02.</summary>
    Normal,
}

/// <summary>Settings of <see cref="Hydra"/>.</summary>
[AdapterMethod(
    "HYDRA", AdapterFamily.LowRank, Title = "Hydra", Paper = "arXiv:2309.06922", Formula = "W + s·(B_p·A_p + B_s·A_s·W)",
    Trained = "r_p·(in + out) + r_s·2·out", Merges = true)]
public sealed record HydraOptions : LinearAdapterOptions
{
    /// <summary>Rank of the branch beside the layer; 0 leaves it out. Default 4.</summary>
    [JsonPropertyName("r_parallel"), SearchChoices(0, 2, 4, 8)]
    public int ParallelRank { get; init; } = 4;

    /// <summary>Rank of the branch behind the layer; 0 leaves it out. Default 8.</summary>
    [JsonPropertyName("r_sequential"), SearchChoices(2, 4, 8, 16)]
    public int SequentialRank { get; init; } = 8;

    /// <summary>s, above 0. Default 1.</summary>
    [JsonPropertyName("scaling"), SearchRange(0.1, 4.5, Logarithmic = true)]
    public double Scaling { get; init; } = 1;

    /// <summary>True to train s, one a branch, from <see cref="Scaling"/> on. Default false.</summary>
    [JsonPropertyName("learn_scaling")]
    public bool LearnsScale { get; init; }

    /// <summary>Share of the low-rank code that is dropped while training: 0 to 0.99. Default 0.</summary>
    [JsonPropertyName("hydra_dropout"), SearchRange(0, 0.2)]
    public double Dropout { get; init; }

    /// <summary>True for biases in the branches. Default false.</summary>
    [JsonPropertyName("use_bias")]
    public bool UseBias { get; init; }

    /// <summary>How the down matrices start. Default Kaiming.</summary>
    [JsonPropertyName("init_down")]
    [JsonConverter(typeof(NameConverter<HydraStart>))]
    public HydraStart DownStart { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Guard.AtLeast(ParallelRank, 0);
        Guard.AtLeast(SequentialRank, 0);
        Guard.AtLeast(ParallelRank + SequentialRank, 1);
        Guard.Positive(Scaling);
        Guard.InRange(Dropout, 0.0, 0.99);
    }

    /// <summary>As in the paper: the last layer of each block's feed-forward part, in vision transformers that of its attention too, in CLIP that of the image
    /// encoder's feed-forward part alone, and that of the attention where the feed-forward part is one of experts.</summary>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone)
    {
        var layers = backbone switch
        {
            VisionEncoder => backbone.Blocks.SelectMany(site => (Layer[])[site.Attention, site.FeedForward]),
            ImageTextEncoder => backbone.Blocks.Select(site => site.FeedForward).Where(layer => PathOf(layer).Contains("vision_model.", StringComparison.Ordinal)),
            _ => backbone.Blocks.Select(site => site.FeedForward is ExpertLayer ? site.Attention : site.FeedForward),
        };
        return [.. layers.Select(PathOf)];

        string PathOf(Layer layer) => backbone.Layers.Newer is { } newer ? newer[layer.Index].Path : layer.Path;
    }

    /// <inheritdoc/>
    protected internal override LinearAdapter Create(LinearLayer layer, AdapterBuild build) => new Hydra(layer, this, build);
}
