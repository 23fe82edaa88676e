using System.Reflection;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>The architectures of this library, found by their attribute.</summary>
public static class BackboneRegistry
{
    private static readonly Dictionary<string, Type> s_types = (
        from type in typeof(BackboneRegistry).Assembly.GetTypes()
        from row in type.GetCustomAttributes<ArchitectureAttribute>()
        select (row.ModelType, type)).ToDictionary(found => found.ModelType, found => found.type, StringComparer.Ordinal);

    /// <summary>Every model_type that is supported, in alphabetical order.</summary>
    public static IEnumerable<string> ModelTypes => s_types.Keys.Order(StringComparer.Ordinal);

    /// <summary>Builds the architecture that a configuration names.</summary>
    /// <exception cref="PeftException">The architecture is not supported.</exception>
    internal static Backbone Create(ModelConfig config, WeightSource source)
        => s_types.TryGetValue(config.ModelType, out var type)
            ? (Backbone)Activator.CreateInstance(
                type, BindingFlags.Instance | BindingFlags.Public | BindingFlags.DoNotWrapExceptions, null, [config, source], null)!
            : throw new PeftException(
                $"config.json's model_type is '{config.ModelType}', which is not supported; supported are {string.Join(", ", ModelTypes)}.");
}
