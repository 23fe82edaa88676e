using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>What a method has at hand when it makes its parts.</summary>
public sealed class AdapterBuild
{
    internal AdapterBuild(IReadOnlyList<Layer> targets, Initialization initialization, Backbone? backbone = null)
        => (Targets, Initialization, _backbone) = (targets, initialization, backbone);

    private readonly Backbone? _backbone;

    /// <summary>The layers that the method goes on, in order of computation.</summary>
    public IReadOnlyList<Layer> Targets { get; }

    /// <summary>The one seeded stream of start values.</summary>
    public Initialization Initialization { get; }

    /// <summary>The base model.</summary>
    /// <exception cref="PeftException">The parts are made for single layers, without a model.</exception>
    public Backbone Backbone => _backbone ?? throw new PeftException("This method needs the whole model, not single layers.");

    /// <summary>The path of a layer in files: the newer name of transformers where there are two.</summary>
    internal string PathOf(Layer layer) => Backbone.Layers.Newer is { } newer ? newer[layer.Index].Path : layer.Path;
}
