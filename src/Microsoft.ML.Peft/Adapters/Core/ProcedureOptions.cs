using System.Text.Json.Serialization;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings of a procedure over the adapter of another method, which decides what of it is trained where.</summary>
/// <remarks>Targets may be set here or in <see cref="Adapter"/>.</remarks>
public abstract record ProcedureOptions : AdapterOptions
{
    /// <summary>The method that is trained. Default: LoRA of rank 8.</summary>
    [JsonPropertyName("adapter")]
    [JsonConverter(typeof(NestedOptionsConverter))]
    public AdapterOptions Adapter { get; init; } = new LoraOptions();

    /// <inheritdoc/>
    protected internal override string PathPrefix => Adapter.PathPrefix;

    /// <inheritdoc/>
    protected internal override string TrainedBiases => Adapter.TrainedBiases;

    /// <inheritdoc/>
    protected internal override bool HasTargets => Adapter.HasTargets;

    /// <inheritdoc/>
    protected internal override bool CanMerge => Adapter.CanMerge;

    /// <inheritdoc/>
    protected internal override int TokensBefore => Adapter.TokensBefore;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Adapter);
        if (Adapter is ProcedureOptions)
        {
            throw new ArgumentException($"Adapter is {Adapter.Method.Name}, a procedure itself; give the method that it goes over.");
        }

        Adapter.Validate();
        if (TargetModules is not null && Adapter.TargetModules is not null && TargetModules.ToString() != Adapter.TargetModules.ToString())
        {
            throw new ArgumentException($"TargetModules is '{TargetModules}' and that of Adapter '{Adapter.TargetModules}'; set one of them.");
        }
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions For(Backbone backbone)
    {
        var inner = Adapter with { IsStored = IsStored, LayersToTransform = LayersToTransform ?? Adapter.LayersToTransform };
        inner = inner.For(backbone);
        return this with
        {
            Adapter = inner,
            TargetModules = TargetModules ?? inner.TargetModules,
            ExcludeModules = ExcludeModules ?? inner.ExcludeModules,
            LayersToTransform = inner.LayersToTransform,
            LayersPattern = LayersPattern ?? inner.LayersPattern,
            ModulesToSave = ModulesToSave ?? inner.ModulesToSave,
        };
    }

    /// <inheritdoc/>
    protected internal override AdapterOptions WithTokens(Func<string, int[]> encode) => this with { Adapter = Adapter.WithTokens(encode) };

    /// <inheritdoc/>
    protected internal override bool Adapts(Layer layer) => Adapter.Adapts(layer);

    /// <inheritdoc/>
    protected internal override IReadOnlyList<string> DefaultTargets(Backbone backbone) => Adapter.DefaultTargets(backbone);

    /// <inheritdoc/>
    protected internal override Tensor? Penalty(AdapterSet adapter) => Adapter.Penalty(adapter);

    /// <inheritdoc/>
    protected internal override AdapterOptions Settled(AdapterSet adapter) => this with { Adapter = Adapter.Settled(adapter) };
}
