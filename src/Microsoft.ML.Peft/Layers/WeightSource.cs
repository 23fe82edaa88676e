using Microsoft.ML.Peft.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>Builds the layers of a model straight from a checkpoint: each weight is read once, into its final place.</summary>
/// <remarks>Constructing a layer is loading it, so there is no initialization that is thrown away, every tensor's name and
/// shape is checked before memory is taken for it, and what was not asked for is known at the end.</remarks>
public sealed partial class WeightSource
{
    private readonly string _name;
    private readonly IReadOnlyDictionary<string, SafetensorsEntry> _entries;
    private readonly Action<string, Tensor> _readInto;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<string> _new = [];
    private readonly Generator _generator;
    private readonly double _initializerRange;
    private readonly Placement _placement;
    private string _root = "";

    internal WeightSource(
        string name,
        IReadOnlyDictionary<string, SafetensorsEntry> entries,
        Action<string, Tensor> readInto,
        long seed,
        double initializerRange,
        Placement? placement = null)
    {
        (_name, _entries, _readInto, _initializerRange, _placement) = (name, entries, readInto, initializerRange, placement ?? Placement.Cpu);
        _generator = new Generator(unchecked((ulong)seed));
    }

    /// <summary>True if a head of another size than the checkpoint's is wanted, so that the checkpoint's is left aside; false if a head
    /// that does not fit config.json is an error.</summary>
    internal bool ReplacesHeads { get; init; }

    /// <summary>True for a model without weights, of which only names and shapes are wanted: every tensor is one zero, repeated.</summary>
    internal bool ShapesOnly { get; init; }

    /// <summary>The layers built so far.</summary>
    public LayerList Layers { get; } = [];

    /// <summary>The transformer blocks built so far.</summary>
    internal List<BlockSite> Blocks { get; } = [];

    /// <summary>Paths of layers that the checkpoint does not have and that were drawn anew.</summary>
    public IReadOnlyList<string> NewLayers => _new;

    /// <summary>Stored type of each tensor that was read, by its name in the model.</summary>
    public Dictionary<string, ScalarType> StoredTypes { get; } = new(StringComparer.Ordinal);

    /// <summary>Says which prefix the base model's names have; a checkpoint of the bare base model leaves it out.</summary>
    public void Root(string prefix)
    {
        if (!_entries.Keys.Any(k => k.StartsWith(prefix, StringComparison.Ordinal)))
        {
            _root = prefix;
        }
    }

    /// <summary>A linear layer (in → out) of the checkpoint.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing or has another shape.</exception>
    public LinearLayer Linear(string path, long inFeatures, long outFeatures, bool bias = true)
        => Layers.Add(new LinearLayer(
            path,
            Layers.Count,
            new DenseWeight(Take($"{path}.weight", outFeatures, inFeatures)),
            bias ? Take($"{path}.bias", outFeatures) : null));

    /// <summary>A linear layer of the checkpoint whose weight is stored as (in, out): GPT-2's Conv1D.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing or has another shape.</exception>
    public LinearLayer LinearInOut(string path, long inFeatures, long outFeatures)
        => Layers.Add(new LinearLayer(
            path,
            Layers.Count,
            new InOutWeight(Take($"{path}.weight", inFeatures, outFeatures)),
            Take($"{path}.bias", outFeatures)));

    /// <summary>A linear layer of the checkpoint, or a new one where the checkpoint has none, or one for another count of classes than
    /// the caller's: W from N(0, initializer_range²), b = 0.</summary>
    /// <exception cref="ModelFormatException">The checkpoint has one of another shape than its config.json says.</exception>
    public LinearLayer LinearOrNew(string path, long inFeatures, long outFeatures, bool bias = true)
    {
        if (Keeps($"{path}.weight", outFeatures, inFeatures))
        {
            return Linear(path, inFeatures, outFeatures, bias);
        }

        foreach (var leaf in (string[])["weight", "bias"])
        {
            if (Resolve($"{path}.{leaf}") is { } replaced)
            {
                _used.Add(replaced); // of another shape: a head for another task
            }
        }

        _new.Add(path);
        var weight = New(randn([outFeatures, inFeatures], generator: _generator).mul_(_initializerRange));
        return Layers.Add(new LinearLayer(path, Layers.Count, new DenseWeight(weight), bias ? New(zeros(outFeatures)) : null));
    }

    /// <summary>A layer that gives a score to each word with the table of the embedding as its weight; the bias (words) has one
    /// of several names, or is new and zero.</summary>
    /// <exception cref="ModelFormatException">The bias has another shape.</exception>
    public LinearLayer Tied(string path, EmbeddingLayer table, params ReadOnlySpan<string> biasNames)
    {
        if (Resolve($"{path}.weight") is { } copy)
        {
            _used.Add(copy); // some programs write the shared table twice
        }

        var bias = biasNames.Length == 0 ? null : BiasOf(path, table.Rows, biasNames);
        if (biasNames.Length > 0 && bias is null)
        {
            _new.Add(path);
            bias = New(zeros(table.Rows));
        }

        return Layers.Add(new LinearLayer(path, Layers.Count, new TiedWeight(table), bias) { ScoresVocabulary = true });
    }

    /// <summary>The same with a weight of its own in the checkpoint.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing or has another shape.</exception>
    public LinearLayer Untied(string path, long inFeatures, long words, params ReadOnlySpan<string> biasNames)
    {
        var weight = new DenseWeight(Take($"{path}.weight", words, inFeatures));
        var bias = biasNames.Length == 0 ? null : BiasOf(path, words, biasNames) ?? Take(biasNames[0], words);
        return Layers.Add(new LinearLayer(path, Layers.Count, weight, bias) { ScoresVocabulary = true });
    }

    /// <summary>An embedding table (rows, dim) of the checkpoint.</summary>
    /// <exception cref="ModelFormatException">The tensor is missing or has another shape.</exception>
    public EmbeddingLayer Embedding(string path, long rows, long dim)
        => Layers.Add(new EmbeddingLayer(path, Layers.Count, Take($"{path}.weight", rows, dim)));

    /// <summary>A root-mean-square norm (dim) of the checkpoint.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="dim">Size of the last dimension.</param>
    /// <param name="eps">Added to the mean square.</param>
    /// <param name="offset">Added to the stored scale: 1 for Gemma.</param>
    /// <exception cref="ModelFormatException">The tensor is missing or has another shape.</exception>
    public RmsNormLayer RmsNorm(string path, long dim, double eps, double offset = 0)
        => Layers.Add(new RmsNormLayer(path, Layers.Count, Take($"{path}.weight", dim), eps, offset));

    /// <summary>A layer norm (dim) of the checkpoint.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing or has another shape.</exception>
    public LayerNormLayer LayerNorm(string path, long dim, double eps)
        => Layers.Add(new LayerNormLayer(
            path, Layers.Count, Take($"{path}.weight", dim), Take($"{path}.bias", dim), eps));

    /// <summary>A layer norm (dim) of the checkpoint, or a new one (w = 1, b = 0) where the checkpoint has none.</summary>
    /// <exception cref="ModelFormatException">The checkpoint has one of another shape than its config.json says.</exception>
    public LayerNormLayer LayerNormOrNew(string path, long dim, double eps)
    {
        if (Keeps($"{path}.weight", dim))
        {
            return LayerNorm(path, dim, eps);
        }

        _new.Add(path);
        return Layers.Add(new LayerNormLayer(path, Layers.Count, New(ones(dim)), New(zeros(dim)), eps));
    }

    /// <summary>Ends the construction: every tensor must have been asked for, or lie under one of the given prefixes.</summary>
    /// <exception cref="ModelFormatException">The checkpoint has tensors that the model has no place for.</exception>
    public void Finish(params ReadOnlySpan<string> ignoredPrefixes)
    {
        foreach (var name in _entries.Keys)
        {
            if (!_used.Contains(name) && !StartsWithAny(name, ignoredPrefixes))
            {
                throw new ModelFormatException(
                    _name,
                    ModelFormatError.UnexpectedTensor,
                    $"it has the tensor '{name}', which this model has no place for; check config.json's model_type and layer count.");
            }
        }

        _generator.Dispose();
    }

    // Where the caller asked for the checkpoint's own head, one of another shape is not passed over: asking for it is what fails.
    private bool Keeps(string name, params ReadOnlySpan<long> shape)
        => Resolve(name) is { } stored && (!ReplacesHeads || _entries[stored].Shape.AsSpan().SequenceEqual(shape));

    // An output layer's bias stands beside the layer in some checkpoints, below it in others, or in both places.
    private Tensor? BiasOf(string path, long words, ReadOnlySpan<string> names)
    {
        Tensor? bias = null;
        foreach (var name in (string[])[.. names, $"{path}.bias"])
        {
            if (Resolve(name) is not { } stored)
            {
                continue;
            }

            if (bias is null)
            {
                bias = Take(name, words);
                StoredTypes[$"{path}.bias"] = StoredTypes[name];
            }

            _used.Add(stored);
        }

        return bias;
    }

    private static bool StartsWithAny(string name, ReadOnlySpan<string> prefixes)
    {
        foreach (var prefix in prefixes)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    // Old BERT checkpoints call a norm's tensors gamma and beta; a bare base model has no root prefix.
    private string? Resolve(string name)
    {
        if (_root.Length > 0 && name.StartsWith(_root, StringComparison.Ordinal))
        {
            name = name[_root.Length..];
        }

        if (_entries.ContainsKey(name))
        {
            return name;
        }

        var old = name.EndsWith("LayerNorm.weight", StringComparison.Ordinal) ? name[..^"weight".Length] + "gamma"
            : name.EndsWith("LayerNorm.bias", StringComparison.Ordinal) ? name[..^"bias".Length] + "beta"
            : name;
        return _entries.ContainsKey(old) ? old : null;
    }

    private Tensor Take(string name, params long[] shape)
    {
        if (ShapesOnly)
        {
            return Detached(zeros([], _placement.Precision, _placement.Device).expand(shape)); // a scalar has no sizes
        }

        var stored = Check(name, shape);
        var tensor = Detached(empty(shape, _placement.Precision, _placement.Device));
        _readInto(stored, tensor);
        return tensor;
    }

    // The name in the checkpoint of a tensor that must be there in a shape.
    private string Check(string name, params ReadOnlySpan<long> shape)
    {
        var stored = Resolve(name) ?? throw new ModelFormatException(
            _name, ModelFormatError.MissingTensor, $"it has no tensor '{name}', which config.json's architecture needs.");
        var entry = _entries[stored];
        if (!entry.Shape.AsSpan().SequenceEqual(shape))
        {
            throw new ModelFormatException(
                _name,
                ModelFormatError.ShapeMismatch,
                $"tensor '{stored}' has the shape ({string.Join(", ", entry.Shape)}); config.json asks for ({string.Join(", ", shape.ToArray())}).");
        }

        _used.Add(stored);
        StoredTypes[name] = entry.Dtype;
        return stored;
    }

    private Tensor New(Tensor tensor) => Detached(tensor.to(_placement.Precision, _placement.Device));

    private static Tensor Detached(Tensor tensor) => tensor.DetachFromDisposeScope();
}
