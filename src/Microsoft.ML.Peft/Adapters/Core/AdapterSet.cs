using Microsoft.ML.Peft.Layers;
using TorchSharp.Modules;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>One named adapter of a whole model: the adapters of its layers and the copies that it trains.</summary>
public sealed class AdapterSet : IDisposable
{
    private AdapterSet(string name, AdapterOptions? options, IReadOnlyList<Adapter> adapters, int layerCount)
        => (Name, Options, Adapters, LayerCount) = (name, options, adapters, layerCount);

    /// <summary>The name that operations on several adapters use.</summary>
    public string Name { get; }

    /// <summary>Its settings with the target layers filled in, or null where only copies are trained.</summary>
    public AdapterOptions? Options { get; }

    /// <summary>The adapters, in the order of their layers.</summary>
    public IReadOnlyList<Adapter> Adapters { get; }

    /// <summary>Count of layers of the model that it was made for.</summary>
    public int LayerCount { get; }

    /// <summary>Count of numbers that are trained.</summary>
    public long TrainableCount => Parameters().Where(p => p.Parameter.requires_grad).Sum(p => p.Parameter.numel());

    /// <summary>Count of numbers that it adds to the model.</summary>
    public long Count => Parameters().Sum(p => p.Parameter.numel());

    /// <summary>Makes a new adapter for a model.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="options">The method, or null to train copies alone.</param>
    /// <param name="layers">The model's layers.</param>
    /// <param name="copies">Which layers are trained or saved as copies.</param>
    /// <param name="defaultTargets">The architecture's targets, used where the options name none.</param>
    /// <param name="seed">Seed of the start values.</param>
    /// <exception cref="PeftException">The targets match no layer.</exception>
    public static AdapterSet Create(
        string name,
        AdapterOptions? options,
        LayerList layers,
        CopiedModules copies,
        IReadOnlyList<string> defaultTargets,
        long seed)
    {
        options?.Validate();
        copies = copies.And(options?.ModulesToSave);
        var targets = options is null ? null : options.TargetModules ?? TargetModules.Named(defaultTargets);
        layers = TargetSelection.Named(layers, targets);
        var selection = new TargetSelection(targets, options, copies);
        using var initialization = new Initialization(seed, layers.SelectMany(l => l.Tensors()).First().Tensor.device);
        var adapters = new List<Adapter>();
        try
        {
            foreach (var layer in layers)
            {
                if (copies.Of(layer.Path) is { } trained)
                {
                    adapters.Add(layer is LinearLayer copied
                        ? new TrainedCopy(copied, trained)
                        : throw new PeftException($"modules_to_save names '{layer.Path}', which is no linear layer; only linear layers can be copied."));
                }
                else if (selection.Includes(layer))
                {
                    adapters.Add(options!.Create((LinearLayer)layer, initialization));
                }
            }

            selection.RequireMatches(layers);
        }
        catch
        {
            adapters.ForEach(adapter => adapter.Dispose());
            throw;
        }

        return new AdapterSet(name, options is null ? null : options with { TargetModules = targets, ModulesToSave = copies.Names }, adapters, layers.Count);
    }

    /// <summary>Every parameter with its name in adapter_model.safetensors.</summary>
    public IEnumerable<(string FileName, Parameter Parameter)> Parameters()
        => from adapter in Adapters
           from named in adapter.named_parameters()
           select ($"base_model.model.{adapter.Path}.{adapter.FileName(named.name)}", named.parameter);

    /// <summary>Adds the adapter into the base weights, which stop being what the checkpoint says until it is undone.</summary>
    /// <returns>Undoes the merge, to the last bit, when disposed.</returns>
    public MergedWeights Merge() => new(Adapters);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var adapter in Adapters)
        {
            adapter.Dispose();
        }
    }
}
