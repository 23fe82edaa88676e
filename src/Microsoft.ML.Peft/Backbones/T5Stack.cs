using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>The encoder or the decoder of a T5.</summary>
internal sealed class T5Stack
{
    private readonly bool _decodes;
    private readonly int _heads;
    private readonly RelativeBias _bias;
    private readonly Block[] _blocks;
    private readonly RmsNormLayer _norm;
    private readonly double _dropout;

    /// <param name="config">The model's configuration.</param>
    /// <param name="source">The checkpoint.</param>
    /// <param name="path"><c>encoder</c> or <c>decoder</c>.</param>
    /// <param name="count">Count of blocks.</param>
    /// <param name="firstIndex">Number of the first block among those of both stacks.</param>
    /// <param name="hidden">Width.</param>
    /// <param name="feedForward">Name of the activation, after <c>gated-</c> where there is a gate.</param>
    public T5Stack(ModelConfig config, WeightSource source, string path, int count, int firstIndex, int hidden, string feedForward)
    {
        _decodes = path == "decoder";
        _heads = config.Int("num_heads", 1, 1 << 10);
        _dropout = config.Number("dropout_rate", 0, 0.99, 0.1);
        var eps = config.Number("layer_norm_epsilon", 0, 1, 1e-6);
        _bias = new RelativeBias(
            source.Embedding(
                $"{path}.block.0.layer.0.SelfAttention.relative_attention_bias", config.Int("relative_attention_num_buckets", 2, 1 << 12, 32), _heads),
            config.Int("relative_attention_max_distance", 2, 1 << 20, 128),
            bothWays: !_decodes);
        _blocks = new Block[count];
        for (var k = 0; k < count; k++)
        {
            _blocks[k] = new Block(config, source, $"{path}.block.{k}", k, firstIndex + k, _decodes, hidden, _heads, eps, feedForward);
        }

        _norm = source.RmsNorm($"{path}.final_layer_norm", hidden, eps);
    }

    /// <summary>Hidden states (batch·length, hidden) of the input.</summary>
    public Tensor Encode(Tensor hidden, TokenBatch tokens, ForwardContext context)
    {
        var (rows, length) = (tokens.Rows, tokens.Length);
        var padding = tokens.Mask is null ? null : AttentionMask.PaddingOf(tokens.Mask, rows, length);
        var mask = new AttentionMask(0, length, causal: false, tokens.Ids.device, padding: padding, bias: _bias.Of(0, length, length, context), biasByQuery: true);
        foreach (var block in _blocks)
        {
            hidden = block.Encode(hidden, rows, length, mask, context);
        }

        return context.Dropout(_norm.Forward(hidden, context), _dropout);
    }

    /// <summary>Hidden states (batch·length, hidden) of the output.</summary>
    public Tensor Decode(Tensor hidden, DecoderPass pass, EncodedSource source)
    {
        var own = pass.Causal(bias: _bias.Of(pass.Past, pass.Length, pass.Keys, pass.Context), biasByQuery: true);
        var padding = source.Padding is null ? null : AttentionMask.PaddingOf(source.Padding, source.Rows, source.Length);
        var cross = new AttentionMask(0, pass.Length, causal: false, pass.Device, padding: padding);
        foreach (var block in _blocks)
        {
            hidden = block.Decode(hidden, pass, own, source, cross);
        }

        return pass.Context.Dropout(_norm.Forward(hidden, pass.Context), _dropout);
    }

    private sealed class Block
    {
        private readonly int _position; // in its stack
        private readonly int _index;    // among the blocks of both stacks
        private readonly Part _own;
        private readonly Part? _cross;
        private readonly RmsNormLayer _norm;
        private readonly LinearLayer? _gate;
        private readonly LinearLayer _up;
        private readonly LinearLayer _down;
        private readonly Func<Tensor, Tensor> _activation;
        private readonly double _dropout;

        public Block(
            ModelConfig config, WeightSource source, string path, int position, int index, bool decodes, int hidden, int heads, double eps, string feedForward)
        {
            (_position, _index) = (position, index);
            _dropout = config.Number("dropout_rate", 0, 0.99, 0.1);
            var gated = feedForward.StartsWith("gated-", StringComparison.Ordinal);
            var name = gated ? feedForward["gated-".Length..] : feedForward;
            _activation = Activation.Named(gated && name == "gelu" ? "gelu_new" : name);
            var (size, inner) = (config.Int("d_kv", 1, 1 << 12), config.Int("d_ff", 1, 1 << 20));

            _own = new Part(source, $"{path}.layer.0", "SelfAttention", hidden, heads, size, eps, _dropout);
            _cross = decodes ? new Part(source, $"{path}.layer.1", "EncDecAttention", hidden, heads, size, eps, _dropout) : null;
            var last = $"{path}.layer.{(decodes ? 2 : 1)}";
            _norm = source.RmsNorm($"{last}.layer_norm", hidden, eps);
            _gate = gated ? source.Linear($"{last}.DenseReluDense.wi_0", hidden, inner, bias: false) : null;
            _up = source.Linear($"{last}.DenseReluDense.{(gated ? "wi_1" : "wi")}", hidden, inner, bias: false);
            _down = source.Linear($"{last}.DenseReluDense.wo", inner, hidden, bias: false);
            source.Blocks.Add(new(index, _own.Output, _down, NormsAfter: false) { Heads = _own.Map });
        }

        public Tensor Encode(Tensor hidden, long rows, long length, AttentionMask mask, ForwardContext context)
        {
            using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
            var state = new BlockState { Rows = rows, Heads = _own.Heads };
            var normed = context.At(BlockPoint.AfterNorm1, _index, _own.Norm.Forward(hidden, context), state);
            var mixed = _own.Attend(normed, new AttentionShape(rows, length, length, _own.Heads, _own.Size), mask, context, null, null);
            var attended = _own.Leave(context.At(BlockPoint.AttentionHeads, _index, mixed, state), context);
            attended = context.At(BlockPoint.AfterAttention, _index, attended, state with { Residual = hidden, Input = normed });
            return FeedForward(hidden + attended, state, context).MoveToOuterDisposeScope();
        }

        public Tensor Decode(Tensor hidden, DecoderPass pass, AttentionMask mask, EncodedSource source, AttentionMask crossMask)
        {
            using var scope = NewDisposeScope(); // what the backward pass does not need goes at once
            var context = pass.Context;
            var state = new BlockState { Rows = pass.Rows, Heads = _own.Heads };
            var normed = context.At(BlockPoint.AfterNorm1, _index, _own.Norm.Forward(hidden, context), state);
            var mixed = _own.Attend(normed, pass.Shape(_own.Heads, _own.Size), mask, context, pass.Cache?.Own(_position), pass.Prefix(_position));
            var attended = _own.Leave(context.At(BlockPoint.AttentionHeads, _index, mixed, state), context);
            hidden = hidden + context.At(BlockPoint.AfterAttention, _index, attended, state with { Residual = hidden, Input = normed });
            hidden = hidden + _cross!.Look(_cross.Norm.Forward(hidden, context), pass, source, crossMask, pass.Cache?.Cross(_position));
            return FeedForward(hidden, state, context).MoveToOuterDisposeScope();
        }

        private Tensor FeedForward(Tensor hidden, BlockState state, ForwardContext context)
        {
            var normed = context.At(BlockPoint.AfterNorm2, _index, _norm.Forward(hidden, context), state);
            var inner = _gate is null
                ? _activation(_up.Forward(normed, context))
                : _activation(_gate.Forward(normed, context)).mul(_up.Forward(normed, context));
            var fed = context.Dropout(_down.Forward(context.Dropout(inner, _dropout), context), _dropout);
            return hidden + context.At(BlockPoint.AfterFeedForward, _index, fed, state with { Residual = hidden, Input = normed });
        }
    }

    // One attention with its norm.
    private sealed class Part
    {
        private readonly LinearLayer _query;
        private readonly LinearLayer _key;
        private readonly LinearLayer _value;
        private readonly double _dropout;

        public Part(WeightSource source, string path, string name, int hidden, int heads, int size, double eps, double dropout)
        {
            (Heads, Size, _dropout) = (heads, size, dropout);
            Norm = source.RmsNorm($"{path}.layer_norm", hidden, eps);
            _query = source.Linear($"{path}.{name}.q", hidden, heads * size, bias: false);
            _key = source.Linear($"{path}.{name}.k", hidden, heads * size, bias: false);
            _value = source.Linear($"{path}.{name}.v", hidden, heads * size, bias: false);
            Output = source.Linear($"{path}.{name}.o", heads * size, hidden, bias: false);
        }

        public int Heads { get; }

        public int Size { get; }

        public RmsNormLayer Norm { get; }

        public LinearLayer Output { get; }

        public HeadMap Map => HeadMap.Of(_query, _key, _value, Output, Heads, Size);

        // What the heads give.
        public Tensor Attend(
            Tensor x, AttentionShape shape, AttentionMask mask, ForwardContext context, KeyValueStore? store, PrefixPair? prefix)
            => Attention.OverTokens(
                _query.Forward(x, context), _key.Forward(x, context), _value.Forward(x, context), shape, mask, _dropout, context, store, scale: 1, prefix);

        public Tensor Leave(Tensor mixed, ForwardContext context) => context.Dropout(Output.Forward(mixed, context), _dropout);

        public Tensor Look(Tensor x, DecoderPass pass, EncodedSource source, AttentionMask mask, KeyValueStore? store)
        {
            var context = pass.Context;
            var shape = new AttentionShape(pass.Rows, pass.Length, source.Length, Heads, Size);
            var mixed = Attention.OverSource(_query.Forward(x, context), _key, _value, source, shape, mask, _dropout, context, store, scale: 1);
            return Leave(mixed, context);
        }
    }
}
