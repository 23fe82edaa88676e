namespace Microsoft.ML.Peft.Backbones;

/// <summary>Says which model_type of config.json a <see cref="Backbone"/> is; its constructor takes (ModelConfig, WeightSource).</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class ArchitectureAttribute : Attribute
{
    /// <summary>Names the model_type.</summary>
    public ArchitectureAttribute(string modelType) => ModelType = modelType;

    /// <summary>The name in config.json, for example <c>bert</c>.</summary>
    public string ModelType { get; }

    /// <summary>True if blocks may have fewer heads than config.json says: its <c>pruned_heads</c>.</summary>
    public bool TakesPrunedHeads { get; init; }
}
