using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings of a method that makes one independent part for each linear layer and can train biases beside it.</summary>
public abstract record BiasedLinearOptions : BiasedOptions
{
    /// <inheritdoc cref="LinearAdapterOptions.Create"/>
    protected internal abstract LinearAdapter Create(LinearLayer layer, AdapterBuild build);

    /// <inheritdoc cref="LinearAdapterOptions.CreateOn"/>
    protected internal virtual LayerAdapter CreateOn(Layer layer, AdapterBuild build)
        => throw new PeftException($"'{layer.Path}' is no linear layer; {Method.Name} does not adapt layers of that kind.");

    /// <inheritdoc/>
    protected internal sealed override IEnumerable<Adapter> CreateParts(AdapterBuild build)
        => build.Targets.Select(layer => layer is LinearLayer linear ? Create(linear, build) : (Adapter)CreateOn(layer, build));
}
