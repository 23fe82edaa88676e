using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>The transformer over raw samples that Wav2Vec2 and HuBERT are: convolutions, a projection, positions by convolution, blocks.</summary>
/// <remarks>Source: Baevski et al. 2020, arXiv:2006.11477.</remarks>
public abstract class SpeechEncoder : Backbone
{
    private static readonly BlockNames s_names = new(
        "layer_norm",
        "attention.q_proj",
        "attention.k_proj",
        "attention.v_proj",
        "attention.out_proj",
        "final_layer_norm",
        "feed_forward.intermediate_dense",
        "feed_forward.output_dense");

    private readonly SpeechFeatures _features;
    private readonly LayerNormLayer? _projectionNorm;
    private readonly LinearLayer _projection;
    private readonly Conv1dLayer _positions;
    private readonly LayerNormLayer _norm;
    private readonly PostNormBlock[] _postNorm = [];
    private readonly PreNormBlock[] _preNorm = [];
    private readonly SpecAugment? _augment;
    private readonly SpeechAdapter? _shortener;
    private readonly int _heads;
    private readonly int _positionKernel;
    private readonly double _projectionDropout;
    private readonly double _dropout;
    private readonly double _layerDrop;

    private protected SpeechEncoder(ModelConfig config, WeightSource source)
        : base(config, source)
    {
        RefuseVariants(config);
        HiddenSize = config.Int("hidden_size", 1, 1 << 16, 768);
        _heads = config.Int("num_attention_heads", 1, 1 << 10, 12);
        if (HiddenSize % _heads != 0)
        {
            throw config.Wrong("num_attention_heads", $"a divisor of hidden_size, which is {HiddenSize}");
        }

        var root = Root;
        var eps = config.Number("layer_norm_eps", 0, 1, 1e-5);
        source.Root(root);
        _features = new SpeechFeatures(config, source, $"{root}feature_extractor");
        if (config.Flag("feat_proj_layer_norm", true))
        {
            _projectionNorm = source.LayerNorm($"{root}feature_projection.layer_norm", _features.Channels, eps);
        }

        _projection = source.Linear($"{root}feature_projection.projection", _features.Channels, HiddenSize);
        _augment = SpecAugment.Create(config, source, root.TrimEnd('.'), HiddenSize);
        var groups = config.Int("num_conv_pos_embedding_groups", 1, 1 << 10, 16);
        if (HiddenSize % groups != 0)
        {
            throw config.Wrong("num_conv_pos_embedding_groups", $"a divisor of hidden_size, which is {HiddenSize}");
        }

        _positionKernel = config.Int("num_conv_pos_embeddings", 1, 1 << 12, 128);
        _positions = source.WeightNormConv1d(
            $"{root}encoder.pos_conv_embed.conv", HiddenSize, HiddenSize, new ConvShape(_positionKernel, 1, _positionKernel / 2, groups));
        var stable = config.Flag("do_stable_layer_norm", false);
        if (!stable)
        {
            _norm = source.LayerNorm($"{root}encoder.layer_norm", HiddenSize, eps);
        }

        _projectionDropout = config.Number("feat_proj_dropout", 0, 0.99, 0);
        _dropout = config.Number("hidden_dropout", 0, 0.99, 0.1);
        _layerDrop = config.Number("layerdrop", 0, 1, 0.1);
        BlockCount = config.Int("num_hidden_layers", 1, 1 << 12, 12);
        var inner = config.Int("intermediate_size", 1, 1 << 20, 3072);
        var activation = config.Text("hidden_act", "gelu");
        var attentionDropout = config.Number("attention_dropout", 0, 0.99, 0.1);
        var innerDropout = config.Number("activation_dropout", 0, 0.99, 0.1);
        if (stable)
        {
            var form = new BlockForm(s_names, HiddenSize, inner, _heads, eps, Activation.Named(activation))
            {
                Dropout = _dropout,
                AttentionDropout = attentionDropout,
                InnerDropout = innerDropout,
            };
            _preNorm = [.. Enumerable.Range(0, BlockCount).Select(k => new PreNormBlock(source, $"{root}encoder.layers.{k}", k, form))];
        }
        else
        {
            var form = new PostNormShape(HiddenSize, inner, eps, activation)
            {
                Heads = _heads,
                WeightDropout = attentionDropout,
                AttentionDropout = _dropout,
                OutputDropout = _dropout,
                InnerDropout = innerDropout,
            };
            _postNorm = [.. Enumerable.Range(0, BlockCount).Select(k => new PostNormBlock(source, k, Paths($"{root}encoder.layers.{k}"), form))];
        }

        _norm ??= source.LayerNorm($"{root}encoder.layer_norm", HiddenSize, eps);
        _shortener = SpeechAdapter.Create(config, source, $"{root}adapter", HiddenSize);

        static PostNormPaths Paths(string block) => new(
            $"{block}.{s_names.Query}",
            $"{block}.{s_names.Key}",
            $"{block}.{s_names.Value}",
            $"{block}.{s_names.Output}",
            $"{block}.{s_names.Norm1}",
            $"{block}.{s_names.Up}",
            $"{block}.{s_names.Down}",
            $"{block}.{s_names.Norm2}");
    }

    /// <inheritdoc/>
    public override int HiddenSize { get; }

    /// <summary>Width of the states that <see cref="Forward"/> gives.</summary>
    public int OutputSize => _shortener?.Width ?? HiddenSize;

    /// <summary>True where convolutions after the blocks make fewer frames; Hugging Face has no classifier over those.</summary>
    public bool ShortensFrames => _shortener is not null;

    /// <summary>Count of blocks.</summary>
    public int BlockCount { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets => ["q_proj", "v_proj"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> IgnoredTensors =>
    [
        "classifier.", "projector.", "lm_head.", "layer_weights", "quantizer.", "project_q.", "project_hid.",
        $"{Root}masked_spec_embed", "masked_spec_embed",
    ];

    /// <summary>Frames that come of a count of samples.</summary>
    public long Frames(long samples) => _shortener?.Frames(_features.Frames(samples)) ?? _features.Frames(samples);

    /// <summary>Hidden states of the last block, or of the convolutions after it.</summary>
    /// <param name="samples">(batch, time), normalized.</param>
    /// <param name="lengths">Real samples of each row, or null where no row is padded.</param>
    /// <param name="context">Adapters and mode of the call.</param>
    /// <param name="states">Takes the input of the first block and the output of each, or null.</param>
    /// <returns>The states (batch·frames, <see cref="OutputSize"/>), with their sizes.</returns>
    /// <exception cref="ArgumentException">The samples have another shape, or a row is too short for one frame.</exception>
    public SpeechStates Forward(Tensor samples, IReadOnlyList<long>? lengths, ForwardContext context, List<Tensor>? states = null)
    {
        var (rows, frames, valid) = Sizes(samples, lengths);
        var features = _features.Forward(samples, context).transpose(1, 2).reshape(rows * frames, _features.Channels);
        var hidden = context.Dropout(_projection.Forward(_projectionNorm?.Forward(features, context) ?? features, context), _projectionDropout);
        hidden = _augment?.Forward(hidden, rows, frames, valid, context) ?? hidden;
        var present = valid is null ? null : Present(valid, frames, hidden.device); // (rows·frames)
        if (present is not null)
        {
            hidden *= present.to(hidden.dtype).unsqueeze(1);
        }

        hidden += Positions(hidden, rows, frames, context);
        if (_postNorm.Length > 0)
        {
            hidden = _norm.Forward(hidden, context);
        }

        hidden = context.Dropout(hidden, _dropout);
        var mask = present is null ? null : Attention.PaddingMask(present, rows, frames, _heads);
        var shape = new AttentionShape(rows, frames, frames, _heads, HiddenSize / _heads);
        for (var k = 0; k < BlockCount; k++)
        {
            states?.Add(hidden);
            if (!context.Chance(_layerDrop))
            {
                hidden = _postNorm.Length > 0
                    ? _postNorm[k].Forward(hidden, shape, mask, context)
                    : _preNorm[k].Forward(hidden, rows, frames, frames, mask, context);
            }
        }

        if (_preNorm.Length > 0)
        {
            hidden = _norm.Forward(hidden, context);
        }

        states?.Add(hidden);
        if (_shortener is null)
        {
            return new SpeechStates(hidden, rows, frames, valid, present);
        }

        hidden = _shortener.Forward(hidden, rows, frames, context);
        frames = _shortener.Frames(frames);
        valid = valid is null ? null : [.. valid.Select(_shortener.Frames)];
        return new SpeechStates(hidden, rows, frames, valid, valid is null ? null : Present(valid, frames, hidden.device));
    }

    private static Tensor Present(long[] valid, long frames, Device device)
    {
        var present = new long[valid.Length * frames];
        for (var k = 0; k < valid.Length; k++)
        {
            present.AsSpan((int)(k * frames), (int)valid[k]).Fill(1);
        }

        return tensor(present, device: device);
    }

    private static void RefuseVariants(ModelConfig config)
    {
        if (config.Int("adapter_attn_dim", 0, 1 << 16, 0) > 0)
        {
            throw config.Wrong("adapter_attn_dim", "null, the only kind that is supported");
        }

        if (config.Flag("conv_pos_batch_norm", false))
        {
            throw config.Wrong("conv_pos_batch_norm", "false, the only kind that is supported");
        }
    }

    private (long Rows, long Frames, long[]? Valid) Sizes(Tensor samples, IReadOnlyList<long>? lengths)
    {
        var shape = samples.shape;
        if (shape.Length != 2 || _features.Frames(shape[1]) < 1)
        {
            throw new ArgumentException(
                $"The samples have the shape ({string.Join(", ", shape)}); this model needs (batch, time) with enough time for one frame.", nameof(samples));
        }

        if (lengths is null)
        {
            return (shape[0], _features.Frames(shape[1]), null);
        }

        return lengths.Count == shape[0] && lengths.All(n => n <= shape[1] && _features.Frames(n) >= 1)
            ? (shape[0], _features.Frames(shape[1]), [.. lengths.Select(_features.Frames)])
            : throw new ArgumentException(
                $"The lengths are {string.Join(", ", lengths)}; there must be one for each of {shape[0]} rows, up to {shape[1]} samples and enough for one frame.",
                nameof(lengths));
    }

    // An even kernel gives one frame too many.
    private Tensor Positions(Tensor hidden, long rows, long frames, ForwardContext context)
    {
        var positions = _positions.Forward(hidden.view(rows, frames, HiddenSize).transpose(1, 2), context);
        if (_positionKernel % 2 == 0)
        {
            positions = positions.narrow(2, 0, frames);
        }

        return _features.Activation(positions).transpose(1, 2).reshape(rows * frames, HiddenSize);
    }
}

/// <summary>What a <see cref="SpeechEncoder"/> gives of a batch.</summary>
/// <param name="Hidden">(rows·frames, hidden).</param>
/// <param name="Rows">Count of recordings.</param>
/// <param name="Frames">Frames of the longest.</param>
/// <param name="Valid">Real frames of each row, or null where no row is padded.</param>
/// <param name="Present">1 for a real frame and 0 for padding (rows·frames), or null where no row is padded.</param>
public sealed record SpeechStates(Tensor Hidden, long Rows, long Frames, IReadOnlyList<long>? Valid, Tensor? Present);
