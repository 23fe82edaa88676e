using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings of a method that makes one independent part for each linear layer.</summary>
public abstract record LinearAdapterOptions : AdapterOptions
{
    /// <summary>Makes the part of one layer, with its start values.</summary>
    protected internal abstract LinearAdapter Create(LinearLayer layer, AdapterBuild build);

    /// <inheritdoc/>
    protected internal sealed override IEnumerable<Adapter> CreateParts(AdapterBuild build)
        => build.Targets.Select(layer => Create((LinearLayer)layer, build));
}
