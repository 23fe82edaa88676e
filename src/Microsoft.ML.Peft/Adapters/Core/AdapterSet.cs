using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>One named adapter of a whole model: the adapters of its layers and the copies that it trains.</summary>
public sealed class AdapterSet : IDisposable
{
    private readonly AdapterOptions? _options;
    private IReadOnlyList<Adapter> _adapters;
    private bool _isCalibrated;

    private AdapterSet(string name, AdapterOptions? options, IReadOnlyList<Adapter> adapters, int layerCount)
        => (Name, _options, _adapters, LayerCount) = (name, options, adapters, layerCount);

    /// <summary>The name that operations on several adapters use.</summary>
    public string Name { get; }

    /// <summary>Its settings with the target layers and what training has found filled in, or null where only copies are trained.</summary>
    public AdapterOptions? Options => _options?.Settled(this);

    /// <summary>The adapters, in the order of their layers.</summary>
    public IReadOnlyList<Adapter> Adapters => _adapters;

    /// <summary>True where a calibration has taken the adapter from some of its layers.</summary>
    internal bool HasLostParts { get; private set; }

    /// <summary>What a user should know about how it was made, one sentence each.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>True while it is merged into the base weights.</summary>
    public bool IsMerged { get; private set; }

    /// <summary>Count of layers of the model that it was made for.</summary>
    public int LayerCount { get; }

    /// <summary>Count of numbers that are trained.</summary>
    public long TrainableCount => TrainedParameters().Sum(p => p.Parameter.numel());

    /// <summary>Count of numbers that it adds to the model.</summary>
    public long Count => Parameters().DistinctBy(p => p.Parameter, ReferenceEqualityComparer.Instance).Sum(p => p.Parameter.numel());

    /// <summary>Makes a new adapter for a model.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="options">The method, or null to train copies alone.</param>
    /// <param name="backbone">The model.</param>
    /// <param name="copies">Which layers are trained or saved as copies.</param>
    /// <param name="seed">Seed of the start values.</param>
    /// <exception cref="PeftException">The targets match no layer.</exception>
    public static AdapterSet Create(string name, AdapterOptions? options, Backbone backbone, CopiedModules copies, long seed)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        options?.Validate();
        options = options?.For(backbone);
        copies = copies.And(options?.ModulesToSave);
        var targets = options is not { HasTargets: true } ? null
            : options.TargetModules ?? options.DefaultSelection(backbone) ?? throw NoTargets(backbone);
        var layers = TargetSelection.Named(backbone.Layers, targets);
        var selection = new TargetSelection(targets, options);
        var chosen = layers.Where(layer => copies.Of(layer.Path) is null && selection.Includes(layer)).ToHashSet();
        selection.RequireMatches(layers);

        // Files name the layers, as HF PEFT's do: what 'all-linear' means is for the writer to know.
        var named = targets is { IsAllLinear: true } && chosen.Count > 0 ? Names(chosen.Contains) : targets;
        using var initialization = new Initialization(seed, layers.SelectMany(l => l.Tensors()).First().Tensor.device);
        var adapters = new List<Adapter>();
        try
        {
            if (options is not null)
            {
                AddBiases(adapters, options.TrainedBiases, layers, chosen, copies);
                foreach (var part in options.CreateParts(new AdapterBuild([.. layers.Where(chosen.Contains)], initialization, backbone, named)))
                {
                    adapters.Add(part);
                }
            }

            foreach (var layer in layers)
            {
                if (copies.Of(layer.Path) is { } trained)
                {
                    adapters.Add(TrainedCopy.Of(layer, trained));
                }
            }
        }
        catch
        {
            adapters.ForEach(adapter => adapter.Dispose());
            throw;
        }

        // A list that says all of it already is kept as it came.
        var saved = options?.ModulesToSave is { } given && copies.Names is { } names && !names.Except(given).Any() ? given : copies.Names;
        var adapted = adapters.OfType<LayerAdapter>().Select(part => part.Target.Index).ToHashSet();
        var written = targets is { IsAllLinear: true } && adapted.Count > 0 && chosen.Any(layer => !adapted.Contains(layer.Index))
            ? Names(layer => chosen.Contains(layer) && adapted.Contains(layer.Index))
            : named ?? options?.TargetModules;
        var settled = options is null ? null : options with { TargetModules = written, ModulesToSave = saved };
        var unknown = options?.UnknownFields.ToArray() ?? [];
        IEnumerable<string> ignored = unknown.Length > 0 ? [$"The settings of {options!.Method.Name} have fields that this version does not know, which are kept and change nothing: {string.Join(", ", unknown)}."] : [];
        return new AdapterSet(name, settled, adapters, layers.Count) { Notes = [.. ignored, .. selection.Notes(layers), .. options is null ? [] : TargetNotes.Of(options, layers, adapters), .. options?.NotesOn(adapters) ?? []] };

        TargetModules Names(Func<Layer, bool> which) => TargetModules.Named(TargetSelection.ShortestNames(layers, layer => !layer.IsParameter && which(layer), selection.LeavesOut));
    }

    /// <summary>Makes a new adapter for weights of the caller's own, without a model: each part of it is a module that computes the adapted layer.</summary>
    /// <param name="options">The method; its targets are not used, every weight is one.</param>
    /// <param name="weights">The frozen weights, in order of computation; they are not copied.</param>
    /// <param name="seed">Seed of the start values.</param>
    /// <exception cref="ArgumentException">There are no weights, one is no matrix, or a setting is outside its range.</exception>
    /// <exception cref="PeftException">The method needs a whole model.</exception>
    public static AdapterSet ForWeights(AdapterOptions options, IReadOnlyList<LinearWeight> weights, long seed)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(weights);
        options.Validate();
        if (weights.Count == 0)
        {
            throw new ArgumentException("There are no weights; give at least one.", nameof(weights));
        }

        if (!options.HasTargets)
        {
            throw new PeftException($"{options.Method.Name} goes on a whole model, not on single weights; make it with AdapterSet.Create.");
        }

        var layers = weights.Select((weight, k) => weight.ToLayer(k)).ToList();
        using var initialization = new Initialization(seed, weights[0].Weight.device);
        return new AdapterSet("default", options, [.. options.CreateParts(new AdapterBuild(layers, initialization))], layers.Count);
    }

    /// <summary>What the method does between the steps of a training run, or null for nothing; the caller disposes it.</summary>
    public AdapterTraining? CreateTraining() => Options?.CreateTraining(this);

    /// <summary>A set of parts that are there already, which are taken over.</summary>
    internal static AdapterSet Of(string name, AdapterOptions? options, IReadOnlyList<Adapter> adapters, int layerCount) => new(name, options, adapters, layerCount);

    /// <summary>Targets, counts and what can be done with it.</summary>
    /// <exception cref="PeftException">It is a trained head alone.</exception>
    internal AdapterPlan Describe(Backbone backbone)
    {
        var options = Options ?? throw new PeftException($"'{Name}' is a trained head alone, without a method.");
        var named = new CopiedModules(options.ModulesToSave ?? [], []);
        var copies = Adapters.OfType<LayerAdapter>().Where(part => TrainedCopy.IsCopy(part) && named.Of(part.Path) is not null).Select(part => part.Target.Index).ToHashSet();
        var targets = Adapters.OfType<LayerAdapter>().Where(part => part is not TrainedBias && !copies.Contains(part.Target.Index)).DistinctBy(part => part.Target.Index).ToList();
        var indices = targets.Select(part => part.Target.Index).ToHashSet();
        return new(
            options.Method,
            [.. targets.Select(part => part.Path), .. Adapters.OfType<BlockAdapter>().Select(part => part.Path).Distinct()],
            [.. TargetSelection.Named(backbone.Layers, options.TargetModules).OfType<LinearLayer>().Where(l => !indices.Contains(l.Index) && !copies.Contains(l.Index)).Select(l => l.Path)],
            [.. Adapters.OfType<LayerAdapter>().Where(part => copies.Contains(part.Target.Index)).Select(part => part.Path)],
            TrainableCount,
            AdapterCheckpoint.Tensors(this).Sum(t => t.Value.numel() * t.Value.element_size()),
            Notes)
        {
            Merges = options.CanMerge,
            MixesInBatch = options.MixesInBatch,
        };
    }

    /// <summary>True if no weight of the model is changed: the method trains weights and has not moved yet. False where it is no change of weights.</summary>
    internal bool ChangesNothing()
    {
        using var _ = no_grad();
        var parts = Adapters.OfType<LayerAdapter>().Where(part => !TrainedCopy.IsCopy(part)).ToList();
        return Options is { CanMerge: true } or LoraOptions && parts.Count > 0 && parts.All(part => part.ChangesNothing());
    }

    /// <summary>Every parameter with its name in adapter_model.safetensors; one that several layers share has several names.</summary>
    public IEnumerable<(string FileName, Parameter Parameter)> Parameters()
        => from adapter in Adapters
           from named in adapter.named_parameters()
           select (FileKey(adapter, named.name), named.parameter);

    /// <summary>What is trained, with the group of each parameter in the optimizer; a method may add or take away parameters between steps.</summary>
    public IEnumerable<(Parameter Parameter, OptimizerGroup Group)> TrainedParameters()
        => (from adapter in Adapters
            from named in adapter.named_parameters()
            where named.parameter.requires_grad
            select (Parameter: named.parameter, Group: LoraPlus.Of(_options, adapter, named.name, named.parameter)))
            .DistinctBy(p => p.Parameter, ReferenceEqualityComparer.Instance);

    /// <summary>Gives every rank the numbers of one, those that were drawn and stay as well, such as which columns <see cref="Paca"/> trains; for ranks that began with
    /// different seeds. Every rank calls it before training.</summary>
    /// <param name="group">The ranks, whose backend carries tensors of the adapter's device.</param>
    /// <param name="root">The rank that gives: 0 to the world's size − 1. Default 0.</param>
    /// <exception cref="PeftException">The adapter is merged into the base weights of this rank.</exception>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">A rank is gone, or its adapter has other shapes.</exception>
    public void Broadcast(ProcessGroup group, int root = 0)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (IsMerged)
        {
            throw new PeftException($"The adapter '{Name}' is merged into the base weights; undo the merge before its numbers change.");
        }

        using var _ = no_grad();
        foreach (var parameter in Parameters().Select(p => p.Parameter).Distinct(ReferenceEqualityComparer.Instance).Cast<Parameter>())
        {
            group.Broadcast(parameter, root);
        }
    }

    /// <summary>Until it is disposed, the adapter acts <paramref name="factor"/> times as strongly as it was trained: HF PEFT's <c>set_scale</c>.</summary>
    /// <param name="factor">Finite; 0 for nothing, below 0 for the contrary. An adapter that is saved meanwhile is saved with it.</param>
    /// <returns>Puts the numbers back, to the last bit. Several are undone in the opposite order.</returns>
    /// <exception cref="ArgumentException">The factor is not finite.</exception>
    /// <exception cref="PeftException">The adapter is no LoRA, or is merged.</exception>
    public AdapterStrength Strengthen(double factor) => new(this, factor);

    /// <summary>What the method adds to the loss while training, or null.</summary>
    public Tensor? Penalty() => _options?.Penalty(this);

    /// <summary>What the method has to measure before the first step, or null where there is nothing, or it was measured.</summary>
    /// <param name="seed">Seed of what is drawn.</param>
    internal AdapterCalibration? CreateCalibration(long seed) => _isCalibrated ? null : _options?.CreateCalibration(this, seed);

    /// <summary>Adds a sentence to <see cref="Notes"/>.</summary>
    internal void Note(string sentence) => Notes = [.. Notes, sentence];

    /// <summary>Says that the start was measured.</summary>
    internal void Calibrated() => _isCalibrated = true;

    /// <summary>Takes parts out, and frees them; passes that run must be over.</summary>
    internal void Remove(IReadOnlySet<Adapter> parts)
    {
        HasLostParts |= parts.Count > 0;
        _adapters = [.. _adapters.Where(part => !parts.Contains(part))];
        foreach (var part in parts)
        {
            part.Dispose();
        }
    }

    internal string FileKey(Adapter adapter, string parameter) => adapter.FileKey(_options?.PathPrefix ?? "base_model.model.", parameter);

    private static void AddBiases(List<Adapter> adapters, string which, LayerList layers, HashSet<Layer> chosen, CopiedModules copies)
    {
        if (which == "none")
        {
            return;
        }

        foreach (var layer in layers)
        {
            if (copies.Of(layer.Path) is null && (which == "all" || chosen.Contains(layer)) && TrainedBias.Of(layer, chosen.Contains(layer)) is { } bias)
            {
                adapters.Add(bias);
            }
        }
    }

    private static PeftException NoTargets(Backbone backbone)
    {
        return new($"A model of type '{backbone.Config.ModelType}' has no default target layers; set TargetModules to some of {TargetSelection.Names(backbone.Layers)}, or to TargetModules.AllLinear.");
    }

    /// <summary>Adds the adapter into the base weights, which stop being what the checkpoint says until it is undone.</summary>
    /// <param name="safe">True to refuse a merge that would give a weight that is no number.</param>
    /// <returns>Undoes the merge, to the last bit, when disposed. Merging what is merged changes nothing, and disposing that result neither.</returns>
    /// <exception cref="PeftException">The method does not merge, a layer is one that another one shares, or, if safe, a weight would be no number.</exception>
    public MergedWeights Merge(bool safe = false)
    {
        if (Options is { CanMerge: false } options)
        {
            throw new PeftException($"{options.Method.Name} cannot be merged into the base weights: what it computes is no change of a weight. Keep the adapter beside the model.");
        }

        if (IsMerged)
        {
            return new();
        }

        var merged = new MergedWeights(Adapters, safe, () => IsMerged = false);
        IsMerged = true;
        return merged;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var adapter in Adapters)
        {
            adapter.Dispose();
        }
    }
}
