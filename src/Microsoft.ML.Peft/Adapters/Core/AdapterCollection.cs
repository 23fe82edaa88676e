using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The adapters of one frozen base model by name: which are there, which act, which are merged.</summary>
/// <remarks>
/// <para>Safe on several threads. A context keeps the adapters that it was opened with, so that adapters can be added, exchanged and deleted
/// while others predict; one that is deleted is freed when the last context that has it closes.</para>
/// <para>The base model is the caller's and outlives the collection.</para>
/// </remarks>
public sealed partial class AdapterCollection : IDisposable
{
    /// <summary>The name that stands for the base model without an adapter in <see cref="ByRow"/>, as in HF PEFT.</summary>
    public const string Base = "__base__";

    private readonly Lock _lock = new();
    private readonly Backbone _backbone;
    private readonly Dictionary<string, AdapterSet> _sets = new(StringComparer.Ordinal);
    private readonly Dictionary<AdapterSet, int> _uses = []; // open contexts that have it
    private readonly HashSet<AdapterSet> _deleted = [];
    private readonly AsyncLocal<int> _disabled = new();
    private IReadOnlyList<string> _active = [];
    private IReadOnlyList<string> _merged = [];
    private int _open; // contexts

    /// <summary>An empty collection for a base model.</summary>
    public AdapterCollection(Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        _backbone = backbone;
    }

    /// <summary>Names of the adapters, in alphabetical order.</summary>
    public IReadOnlyList<string> Names => Locked(() => (IReadOnlyList<string>)[.. _sets.Keys.Order(StringComparer.Ordinal)]);

    /// <summary>Names of those that act, in the order in which they do. The first that is added acts at once.</summary>
    public IReadOnlyList<string> Active => Locked(() => _active);

    /// <summary>An adapter.</summary>
    /// <exception cref="KeyNotFoundException">There is none of this name.</exception>
    public AdapterSet this[string name] => Locked(() => Find(name));

    /// <summary>Makes a new adapter.</summary>
    /// <param name="name">A name that is not there yet.</param>
    /// <param name="options">The method.</param>
    /// <param name="seed">Seed of its start values.</param>
    /// <exception cref="ArgumentException">The name is there already or not allowed, or a setting is outside its range.</exception>
    /// <exception cref="PeftException">The adapter does not fit the model, or draws matrices from another seed that its method's other adapters share.</exception>
    public AdapterSet Add(string name, AdapterOptions options, long seed = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        var set = AdapterSet.Create(Checked(name), options, _backbone, new CopiedModules([], []), seed);
        try
        {
            return Take(set, replaces: false);
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>Takes an adapter of this base model over, under its own name.</summary>
    /// <exception cref="ArgumentException">The name is there already or not allowed.</exception>
    /// <exception cref="PeftException">It draws matrices from another seed that its method's other adapters share.</exception>
    public void Add(AdapterSet adapter)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        Checked(adapter.Name);
        Take(adapter, replaces: false);
    }

    /// <summary>Reads an adapter of HF PEFT's form.</summary>
    /// <param name="name">Its name here; one that is there already is exchanged for it, and contexts that are open keep the old one.</param>
    /// <param name="folder">adapter_config.json and adapter_model.safetensors.</param>
    /// <exception cref="ModelFormatException">The folder does not hold an adapter for this model.</exception>
    /// <exception cref="PeftException">It draws matrices from another seed that its method's other adapters share.</exception>
    public AdapterSet Load(string name, string folder)
    {
        var options = AdapterCheckpoint.ReadOptions(folder);
        var set = AdapterSet.Create(Checked(name), options, _backbone, new CopiedModules([], []), seed: 0);
        try
        {
            AdapterCheckpoint.ReadTensors(set, folder);
            return Take(set, replaces: true);
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>Deletes an adapter; it does not act any more.</summary>
    /// <exception cref="KeyNotFoundException">There is none of this name.</exception>
    /// <exception cref="InvalidOperationException">It is merged.</exception>
    public void Delete(string name)
    {
        lock (_lock)
        {
            var set = Find(name);
            RefuseMerged(name);
            _sets.Remove(name);
            _active = [.. _active.Where(n => n != name)];
            Retire(set);
        }
    }

    /// <summary>Says which adapters act, in this order; none for the bare base model.</summary>
    /// <exception cref="KeyNotFoundException">There is none of a name.</exception>
    /// <exception cref="ArgumentException">A name comes twice.</exception>
    /// <exception cref="PeftException">Two of them bring their own copy or bias of the same layer, of which only one can act.</exception>
    public void Activate(params IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        lock (_lock)
        {
            foreach (var name in names)
            {
                Find(name);
            }

            RefuseRivals(names);
            _active = names.Distinct(StringComparer.Ordinal).Count() == names.Count
                ? [.. names]
                : throw new ArgumentException($"An adapter is named twice: {string.Join(", ", names)}; name each once.", nameof(names));
        }
    }

    /// <summary>Until it is disposed, contexts that the caller's flow opens are of the bare base model; other threads are not touched.</summary>
    /// <exception cref="InvalidOperationException">Adapters are merged, so that the base model is not bare.</exception>
    public IDisposable Disable()
    {
        lock (_lock)
        {
            if (_merged.Count > 0)
            {
                throw new InvalidOperationException($"The adapters {string.Join(", ", _merged)} are merged into the base model, which cannot be had without them; undo the merge first.");
            }
        }

        _disabled.Value++;
        return new Ending(() => _disabled.Value--);
    }

    /// <summary>A context for predicting with the active adapters, except those that are merged; the caller disposes it.</summary>
    public ForwardContext Predicting()
    {
        lock (_lock)
        {
            AdapterSet[] sets = _disabled.Value > 0 ? [] : [.. _active.Except(_merged).Select(n => _sets[n])];
            return Lend(ForwardContext.Predicting(sets), sets);
        }
    }

    /// <summary>A context for predicting a batch whose rows go through different adapters; the caller disposes it.</summary>
    /// <param name="names">The adapter of each row; null or <see cref="Base"/> for the bare base model.</param>
    /// <exception cref="KeyNotFoundException">There is none of a name.</exception>
    /// <exception cref="PeftException">A method cannot share a batch with others.</exception>
    /// <exception cref="InvalidOperationException">Adapters are merged.</exception>
    public ForwardContext ByRow(params IReadOnlyList<string?> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        lock (_lock)
        {
            if (_merged.Count > 0)
            {
                throw new InvalidOperationException($"The adapters {string.Join(", ", _merged)} are merged and act on every row; undo the merge first.");
            }

            AdapterSet?[] rows = [.. names.Select(n => n is null or Base ? null : Find(n))];
            return Lend(ForwardContext.ByRow(rows), [.. rows.OfType<AdapterSet>().Distinct()]);
        }
    }

    /// <summary>Frees the adapters; those of open contexts when these close.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var set in _sets.Values)
            {
                Retire(set);
            }

            _sets.Clear();
            _active = [];
        }
    }

    private T Locked<T>(Func<T> read)
    {
        lock (_lock)
        {
            return read();
        }
    }

    private AdapterSet Find(string name)
        => _sets.TryGetValue(name, out var set)
            ? set
            : throw new KeyNotFoundException($"There is no adapter '{name}'; there are {(_sets.Count == 0 ? "none" : string.Join(", ", _sets.Keys.Order(StringComparer.Ordinal)))}.");
}
