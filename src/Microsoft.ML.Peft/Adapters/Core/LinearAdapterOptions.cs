using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings of a method that makes one independent part for each linear layer.</summary>
public abstract record LinearAdapterOptions : AdapterOptions
{
    /// <summary>Makes the part of one layer, with its start values.</summary>
    protected internal abstract LinearAdapter Create(LinearLayer layer, AdapterBuild build);

    /// <summary>Makes the part of a layer of another kind that <see cref="AdapterOptions.Adapts"/> allows. Default: there is none.</summary>
    /// <exception cref="PeftException">The method has none for it.</exception>
    protected internal virtual LayerAdapter CreateOn(Layer layer, AdapterBuild build)
        => throw new PeftException($"'{layer.Path}' is no linear layer; {Method.Name} does not adapt layers of that kind.");

    /// <inheritdoc/>
    protected internal sealed override IEnumerable<Adapter> CreateParts(AdapterBuild build)
        => build.Targets.Select(layer => layer is LinearLayer linear ? Create(linear, build) : (Adapter)CreateOn(layer, build));
}
