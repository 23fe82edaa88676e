using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings of a method that makes one independent part for each linear layer and can train biases beside it.</summary>
public abstract record BiasedLinearOptions : BiasedOptions
{
    /// <inheritdoc cref="LinearAdapterOptions.Create"/>
    protected internal abstract LinearAdapter Create(LinearLayer layer, AdapterBuild build);

    /// <inheritdoc/>
    protected internal sealed override IEnumerable<Adapter> CreateParts(AdapterBuild build)
        => build.Targets.Select(layer => Create((LinearLayer)layer, build));
}
