using System.Runtime.ExceptionServices;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>What comes with a forward pass besides the inputs: the active adapters, training mode, randomness.</summary>
/// <remarks>One context is used by one thread at a time; any number of contexts share a base model.</remarks>
public sealed partial class ForwardContext : IDisposable
{
    private readonly IReadOnlyList<LayerAdapter>?[] _byLayer; // by Layer.Index
    private readonly Dictionary<(BlockPoint, int), List<BlockAdapter>> _byBlock = [];
    private readonly List<Adapter> _others = [];
    private readonly bool _readsEveryToken;
    private readonly bool _readsWholeInput;
    private readonly Generator? _generator;
    private readonly bool _ownsGenerator;
    private double _dropPath; // from one block to the next

    private ForwardContext(IReadOnlyList<AdapterSet> adapters, Generator? generator, bool ownsGenerator = false)
    {
        Adapters = adapters;
        _generator = generator;
        _ownsGenerator = ownsGenerator;
        _byLayer = new IReadOnlyList<LayerAdapter>?[adapters.Select(a => a.LayerCount).DefaultIfEmpty(0).Max()];
        foreach (var adapter in adapters.SelectMany(set => set.Adapters))
        {
            _readsEveryToken |= adapter.ReadsOtherTokens;
            _readsWholeInput |= adapter.ReadsWholeInput;
            switch (adapter)
            {
                case LayerAdapter part:
                    _byLayer[part.Target.Index] = [.. _byLayer[part.Target.Index] ?? [], part];
                    break;
                case BlockAdapter block:
                    if (!_byBlock.TryGetValue((block.Point, block.Block), out var list))
                    {
                        _byBlock.Add((block.Point, block.Block), list = []);
                    }

                    list.Add(block);
                    break;
                default:
                    Add(adapter);
                    break;
            }
        }
    }

    /// <summary>The active adapters, in the order in which they act.</summary>
    public IReadOnlyList<AdapterSet> Adapters { get; }

    /// <summary>True while training: dropout acts.</summary>
    public bool Training => _generator is not null;

    /// <summary>What the model was given in the pass that runs, or null before the first one.</summary>
    public ModelInputs? Inputs { get; private set; }

    /// <summary>Count of passes that have begun: what belongs to one pass is told from that of another by it.</summary>
    internal long Pass { get; private set; }

    /// <summary>True in a pass that counts positions as one with a cache of earlier tokens does.</summary>
    internal bool CountsRealTokens { get; set; }

    /// <summary>A context for predicting with the given adapters; none gives the bare base model.</summary>
    /// <remarks>The numbers of the adapters must not change while it is open: what methods make of them is made once (<see cref="Once"/>).</remarks>
    public static ForwardContext Predicting(params IReadOnlyList<AdapterSet> adapters) => new(adapters, null);

    /// <summary>A context for training; every random number of the passes is drawn from <paramref name="seed"/>.</summary>
    public static ForwardContext TrainingWith(long seed, params IReadOnlyList<AdapterSet> adapters)
        => new(adapters, new Generator(unchecked((ulong)seed)), ownsGenerator: true);

    /// <summary>A context for training on a device.</summary>
    public static ForwardContext TrainingWith(long seed, Device device, params IReadOnlyList<AdapterSet> adapters)
        => new(adapters, new Generator(unchecked((ulong)seed), device), ownsGenerator: true);

    /// <summary>A context for training that draws from a generator of the caller.</summary>
    public static ForwardContext TrainingWith(Generator generator, params IReadOnlyList<AdapterSet> adapters)
        => new(adapters, generator);

    /// <summary>True where a block must compute every token even if few are asked for.</summary>
    internal bool ReadsEveryToken => _readsEveryToken || (_parts ?? []).Any(part => part.Context.ReadsEveryToken);

    /// <summary>True where each pass must be given the whole input, and what is remembered of earlier tokens is of no use.</summary>
    internal bool ReadsWholeInput => _readsWholeInput || (_parts ?? []).Any(part => part.Context.ReadsWholeInput);

    /// <summary>A context of its own with the same adapters and the same stream of random numbers, for a pass within a pass.</summary>
    internal ForwardContext Again() => new(Adapters, _generator) { _dropPath = _dropPath };

    /// <summary>The active parts of a kind that sit on no layer and at no point of a block, such as prompts.</summary>
    public IEnumerable<T> Parts<T>() => _others.OfType<T>();

    /// <summary>Drops a share <paramref name="p"/> of the numbers and scales the others by 1/(1 − p), while training.</summary>
    public Tensor Dropout(Tensor x, double p)
    {
        if (_generator is null || p == 0)
        {
            return x;
        }

        var keep = empty_like(x).bernoulli_(1 - p, _generator).div_(1 - p);
        return x * keep;
    }

    /// <summary>Stochastic depth: leaves out all of a row's numbers with probability <paramref name="p"/>, and scales the other rows by
    /// 1/(1 − p), while training.</summary>
    /// <param name="x">(rows·tokens, hidden).</param>
    /// <param name="rows">Count of rows.</param>
    /// <param name="p">The probability, 0 to below 1.</param>
    public Tensor DropRows(Tensor x, long rows, double p)
    {
        if (_generator is null || p == 0)
        {
            return x;
        }

        var keep = empty([rows, 1, 1], x.dtype, x.device).bernoulli_(1 - p, _generator).div_(1 - p);
        return x.reshape(rows, -1, x.size(-1)).mul(keep).view(-1, x.size(-1));
    }

    /// <summary>Has every block leave out what its parts add with a probability that grows from 0 in the first block, while training.</summary>
    /// <param name="last">Probability in the last block.</param>
    /// <param name="blocks">Count of blocks.</param>
    internal void DropPath(double last, int blocks) => _dropPath = blocks > 1 ? last / (blocks - 1) : 0;

    /// <summary>True with probability <paramref name="p"/>, while training.</summary>
    public bool Chance(double p) => p > 0 && Uniform() < p;

    /// <summary>A number drawn evenly from 0 to below 1 while training, else 1.</summary>
    public double Uniform() => _generator is null ? 1 : rand([1], generator: _generator).item<float>();

    /// <summary>Passes a block's hidden states (tokens, hidden) through the adapters that sit at a point of it.</summary>
    /// <param name="point">The point.</param>
    /// <param name="block">Index of the block.</param>
    /// <param name="hidden">The hidden states there.</param>
    /// <param name="state">What else the block has at hand there.</param>
    public Tensor At(BlockPoint point, int block, Tensor hidden, BlockState state = default)
    {
        if (_parts is not null)
        {
            return Divides(point, block)
                ? ByRows(hidden, (rows, context, select)
                    => context.At(point, block, rows, state.Map(select, state.Rows * rows.size(0) / hidden.size(0))))
                : hidden;
        }

        if (_byBlock.Count > 0 && _byBlock.TryGetValue((point, block), out var adapters))
        {
            foreach (var adapter in adapters)
            {
                hidden = adapter.Forward(hidden, state, this);
            }
        }

        return _dropPath > 0 && point is (BlockPoint.AfterAttention or BlockPoint.AfterFeedForward) ? DropRows(hidden, state.Rows, _dropPath * block) : hidden;
    }

    /// <summary>Says what the model is given in the pass that begins.</summary>
    internal void Enter(ModelInputs inputs)
    {
        Inputs = inputs;
        Pass++;
        EnterParts(inputs);
    }

    /// <summary>The weight and bias that the active adapters make of a layer's own, in the type of its input.</summary>
    internal (Tensor Weight, Tensor? Bias) AdaptedWeights(Layer layer, ScalarType type)
    {
        var (weight, bias) = (layer.FrozenWeight!, layer.FrozenBias);
        if (AdaptersOf(layer) is not { } adapters)
        {
            return (weight, bias);
        }

        foreach (var adapter in adapters)
        {
            (weight, bias) = (adapter.Materialize(weight, this), adapter.MaterializeBias(bias));
        }

        return (weight.to(type), bias?.to(type));
    }

    /// <summary>A convolution's output with what its adapters add beside it.</summary>
    /// <param name="layer">The convolution.</param>
    /// <param name="x">Its input.</param>
    /// <param name="convolve">Convolves an input with a kernel and a bias.</param>
    internal Tensor Convolved(Layer layer, Tensor x, Func<Tensor, Tensor, Tensor?, Tensor> convolve)
    {
        var (weight, bias) = AdaptedWeights(layer, x.dtype);
        var y = convolve(x, weight, bias);
        foreach (var adapter in (AdaptersOf(layer) ?? []).OfType<WeightAdapter>())
        {
            if (adapter.Beside(x, this) is var (kernel, input))
            {
                y += convolve(input, kernel.to(x.dtype), null);
            }
        }

        return y;
    }

    /// <summary>What a checkpointed part has thrown inside a backward pass.</summary>
    internal ExceptionDispatchInfo? CheckpointFailure { get; set; }

    /// <summary>Called once, when the context is disposed.</summary>
    internal Action? Closed { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsGenerator)
        {
            _generator!.Dispose();
        }

        DisposeParts();
        DisposeMade();
        Closed?.Invoke();
        Closed = null;
    }

    /// <summary>Where the stream of random numbers stands, or null while predicting; the caller disposes it.</summary>
    internal Tensor? RandomState() => _generator?.get_state().DetachFromDisposeScope();

    /// <summary>Moves the stream of random numbers.</summary>
    internal void RandomState(Tensor? state)
    {
        if (state is not null)
        {
            _generator!.set_state(state);
        }
    }

    internal IReadOnlyList<LayerAdapter>? AdaptersOf(Layer layer)
        => layer.Index < _byLayer.Length ? _byLayer[layer.Index] : null;
}
