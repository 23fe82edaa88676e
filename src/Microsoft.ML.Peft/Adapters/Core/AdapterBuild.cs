using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What a method has at hand when it makes its parts.</summary>
public sealed class AdapterBuild
{
    internal AdapterBuild(IReadOnlyList<Layer> targets, Initialization initialization, Backbone? backbone = null, TargetModules? selection = null)
        => (Targets, Initialization, _backbone, Selection) = (targets, initialization, backbone, selection);

    private readonly Backbone? _backbone;
    private BlockPlaces? _places;

    /// <summary>The layers that the method goes on, in order of computation.</summary>
    public IReadOnlyList<Layer> Targets { get; }

    /// <summary>The targets as the adapter's file will say them: names where they are <c>all-linear</c>. Null for single layers, without a model.</summary>
    internal TargetModules? Selection { get; }

    /// <summary>The one seeded stream of start values.</summary>
    public Initialization Initialization { get; }

    /// <summary>The base model.</summary>
    /// <exception cref="PeftException">The parts are made for single layers, without a model.</exception>
    public Backbone Backbone => _backbone ?? throw new PeftException("This method needs the whole model, not single layers.");

    /// <summary>Where the layers sit in the blocks.</summary>
    internal BlockPlaces Places => _places ??= new(_backbone);

    /// <summary>The path of a layer in files: the newer name of transformers where there are two.</summary>
    internal string PathOf(Layer layer) => Backbone.Layers.Newer is { } newer ? newer[layer.Index].Path : layer.Path;

    /// <summary>Count of the targets that are tensors of the same module and come after one of them.</summary>
    internal int WrappersOf(ExpertLayer layer) => Targets.OfType<ExpertLayer>().Count(other => other.Module == layer.Module && other.Index > layer.Index);

    /// <summary>Most inputs and most outputs of any target, which shared matrices must have.</summary>
    public (long Inputs, long Outputs) WidestLinear()
        => (Targets.Max(t => ((LinearLayer)t).InFeatures), Targets.Max(t => ((LinearLayer)t).OutFeatures));

    /// <summary>The targets in the order in which Hugging Face's modules register them, by which it counts places and seeds of a whole model.</summary>
    /// <remarks>It differs from the order of computation in attention with an <c>out_proj</c>, which has keys and values before queries.</remarks>
    public IReadOnlyList<Layer> RegisteredTargets()
    {
        var outputs = Named(_backbone?.Layers).Concat(Named(_backbone?.Layers.Newer)).ToHashSet(StringComparer.Ordinal);
        var order = new List<Layer>();
        foreach (var layer in Targets)
        {
            // A query steps behind the key and the value beside it.
            var (parent, place) = (Parent(layer.Path), order.Count);
            if (outputs.Contains(parent) && (layer.Path.EndsWith(".k_proj", StringComparison.Ordinal) || layer.Path.EndsWith(".v_proj", StringComparison.Ordinal)))
            {
                while (place > 0 && order[place - 1].Path == parent + ".q_proj")
                {
                    place--;
                }
            }

            order.Insert(place, layer);
        }

        return order;
    }

    private static IEnumerable<string> Named(IEnumerable<Layer>? layers)
        => (layers ?? []).Where(layer => layer.Path.EndsWith(".out_proj", StringComparison.Ordinal)).Select(layer => Parent(layer.Path));

    private static string Parent(string path) => path[..Math.Max(path.LastIndexOf('.'), 0)];
}
