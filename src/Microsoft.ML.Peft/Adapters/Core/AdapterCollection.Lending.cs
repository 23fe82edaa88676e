using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

// Who holds an adapter, what is merged, and what a user can ask about both.
public sealed partial class AdapterCollection
{
    /// <summary>Adds the active adapters into the base weights, in their order, until it is disposed.</summary>
    /// <param name="safe">True to refuse a merge that would give a weight that is no number.</param>
    /// <returns>Undoes the merge, to the last bit.</returns>
    /// <exception cref="InvalidOperationException">No adapter is active, some are merged already, or contexts are open.</exception>
    /// <exception cref="PeftException">A method does not merge, or, if safe, a weight would be no number; nothing was merged.</exception>
    public IDisposable Merge(bool safe = false)
    {
        lock (_lock)
        {
            if (_active.Count == 0 || _merged.Count > 0 || _open > 0)
            {
                throw new InvalidOperationException(
                    _active.Count == 0 ? "No adapter is active; activate those to merge."
                    : _merged.Count > 0 ? $"The adapters {string.Join(", ", _merged)} are merged already; undo that first."
                    : $"{_open} contexts are open, under which the base model would change; dispose them first.");
            }

            foreach (var options in _active.Select(n => _sets[n].Options).OfType<AdapterOptions>().Where(o => !o.CanMerge))
            {
                throw new PeftException($"{options.Method.Name} cannot be merged into the base weights: what it computes is no change of a weight. Keep the adapter beside the model.");
            }

            var weights = new MergedWeights(_active.SelectMany(n => _sets[n].Adapters), safe);
            _merged = _active;
            return new Ending(() =>
            {
                lock (_lock)
                {
                    weights.Dispose();
                    _merged = [];
                }
            });
        }
    }

    /// <summary>Until it is disposed, a LoRA adapter acts <paramref name="factor"/> times as strongly (<see cref="AdapterSet.Strengthen"/>).</summary>
    /// <exception cref="KeyNotFoundException">There is none of this name.</exception>
    /// <exception cref="InvalidOperationException">It is merged, or contexts that have it are open.</exception>
    public IDisposable Strengthen(string name, double factor)
    {
        lock (_lock)
        {
            var set = Find(name);
            RefuseMerged(name);
            return _uses.ContainsKey(set)
                ? throw new InvalidOperationException($"Contexts with the adapter '{name}' are open, under which it would change; dispose them first.")
                : set.Strengthen(factor);
        }
    }

    /// <summary>What the adapters do at each place of the model where one has a part, in order of computation; places of blocks and of the whole model last.</summary>
    public IReadOnlyList<AdapterLayerStatus> LayerStatus()
    {
        lock (_lock)
        {
            return
            [
                .. from named in _sets.OrderBy(s => s.Key, StringComparer.Ordinal)
                   from part in named.Value.Adapters
                   group (named.Key, Part: part) by (Order: part is LayerAdapter l ? l.Target.Index : int.MaxValue, part.Path) into place
                   orderby place.Key.Order
                   let names = place.Select(p => p.Key).Distinct().ToArray()
                   select new AdapterLayerStatus(
                       place.Key.Path,
                       place.First().Part switch { LayerAdapter layer => layer.Target.GetType().Name, BlockAdapter => "Block", _ => "Model" },
                       names,
                       _disabled.Value > 0 ? [] : [.. _active.Intersect(names)],
                       [.. _merged.Intersect(names)],
                       place.GroupBy(p => p.Key).ToDictionary(
                           p => p.Key, p => p.SelectMany(x => x.Part.parameters()).Where(x => x.requires_grad).Sum(x => x.numel()), StringComparer.Ordinal)),
            ];
        }
    }

    /// <summary>What the adapters do to the model.</summary>
    public AdapterModelStatus ModelStatus()
    {
        lock (_lock)
        {
            var tensors = _backbone.Layers.SelectMany(l => l.Tensors()).Select(t => t.Tensor).ToList();
            return new(
                _backbone.Config.ModelType,
                _sets.ToDictionary(s => s.Key, s => s.Value.Options?.Method.Name, StringComparer.Ordinal),
                _sets.ToDictionary(s => s.Key, s => s.Value.TrainableCount, StringComparer.Ordinal),
                tensors.Sum(t => t.numel()) + _sets.Values.Sum(s => s.Count),
                LayerStatus().Count,
                _active,
                _merged,
                _disabled.Value == 0,
                [.. tensors.Select(t => t.device.ToString()).Distinct()]);
        }
    }

    private static string Checked(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return name != Base ? name : throw new ArgumentException($"'{Base}' stands for the base model; give the adapter another name.", nameof(name));
    }

    private AdapterSet Take(AdapterSet set, bool replaces)
    {
        lock (_lock)
        {
            if (_sets.TryGetValue(set.Name, out var old))
            {
                if (!replaces)
                {
                    throw new ArgumentException($"There is an adapter '{set.Name}' already; delete it first or choose another name.");
                }

                RefuseMerged(set.Name);
            }

            RefuseOtherMatrices(set);
            if (old is not null)
            {
                Retire(old);
            }

            _sets[set.Name] = set;
            _active = _sets.Count == 1 ? [set.Name] : _active;
            return set;
        }
    }

    // What stands in for a layer's own numbers leaves no room for a second one.
    private void RefuseRivals(IReadOnlyList<string> names)
    {
        var owners = new Dictionary<(int, bool), string>();
        foreach (var (name, part) in names.Distinct(StringComparer.Ordinal).SelectMany(name => _sets[name].Adapters.OfType<LayerAdapter>().Select(part => (name, part))))
        {
            var isBias = part is { KeepsWeight: true, Target.FrozenBias: not null };
            if ((isBias || TrainedCopy.IsCopy(part)) && !owners.TryAdd((part.Target.Index, isBias), name) && owners[(part.Target.Index, isBias)] is var owner && owner != name)
            {
                throw new PeftException(
                    $"The adapters '{owner}' and '{name}' both bring their own {(isBias ? "bias" : "copy")} of '{part.Path}', of which only one can act; activate one of them, or name the adapter of each row (ByRow).");
            }
        }
    }

    private void RefuseMerged(string name)
    {
        if (_merged.Contains(name))
        {
            throw new InvalidOperationException($"The adapter '{name}' is merged into the base model; undo the merge first.");
        }
    }

    // As in HF PEFT, where these matrices belong to the model: its folders could not be loaded there together.
    private void RefuseOtherMatrices(AdapterSet set)
    {
        foreach (var (name, there) in _sets.Where(other => other.Key != set.Name))
        {
            if (set.Options is SharedProjectionOptions mine && there.Options is SharedProjectionOptions theirs
                && mine.GetType() == theirs.GetType() && mine.ProjectionKey != theirs.ProjectionKey)
            {
                throw new PeftException(
                    $"The adapter '{set.Name}' has the projection_prng_key {mine.ProjectionKey} and '{name}' has {theirs.ProjectionKey}; "
                    + $"the adapters of {mine.Method.Title ?? mine.Method.Name} on one model share their matrices, so make it with {theirs.ProjectionKey}.");
            }
        }
    }

    private ForwardContext Lend(ForwardContext context, AdapterSet[] sets)
    {
        _open++;
        foreach (var set in sets)
        {
            _uses[set] = _uses.GetValueOrDefault(set) + 1;
        }

        context.Closed += () =>
        {
            lock (_lock)
            {
                _open--;
                foreach (var set in sets)
                {
                    if (--_uses[set] == 0)
                    {
                        _uses.Remove(set);
                        if (_deleted.Remove(set))
                        {
                            set.Dispose();
                        }
                    }
                }
            }
        };
        return context;
    }

    private void Retire(AdapterSet set)
    {
        if (_uses.ContainsKey(set))
        {
            _deleted.Add(set);
        }
        else
        {
            set.Dispose();
        }
    }

    private sealed class Ending(Action end) : IDisposable
    {
        private Action? _end = end;

        public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
    }
}
