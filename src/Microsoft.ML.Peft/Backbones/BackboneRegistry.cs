using System.Reflection;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>The architectures of this library, found by their attribute.</summary>
public static class BackboneRegistry
{
    private static readonly Dictionary<string, (ArchitectureAttribute Row, Type Type)> s_types = (
        from type in typeof(BackboneRegistry).Assembly.GetTypes()
        from row in type.GetCustomAttributes<ArchitectureAttribute>()
        select (row, type)).ToDictionary(found => found.row.ModelType, found => (found.row, found.type), StringComparer.Ordinal);

    /// <summary>Every model_type that is supported, in alphabetical order.</summary>
    public static IEnumerable<string> ModelTypes => s_types.Keys.Order(StringComparer.Ordinal);

    /// <summary>Builds the architecture that a configuration names.</summary>
    /// <exception cref="PeftException">The architecture is not supported, or not with heads that were cut out.</exception>
    internal static Backbone Create(ModelConfig config, WeightSource source)
    {
        if (!s_types.TryGetValue(config.ModelType, out var found))
        {
            throw new PeftException(
                $"config.json's model_type is '{config.ModelType}', which is not supported; supported are {string.Join(", ", ModelTypes)}.");
        }

        if (!found.Row.TakesPrunedHeads && config.Section(PrunedHeads.Key) is not (null or { IsEmpty: true }))
        {
            throw new PeftException(
                $"config.json has '{PrunedHeads.Key}', and models of type '{config.ModelType}' are supported with all their heads only; it is read for {string.Join(", ", TypesWithPrunedHeads)}.");
        }

        return (Backbone)Activator.CreateInstance(
            found.Type, BindingFlags.Instance | BindingFlags.Public | BindingFlags.DoNotWrapExceptions, null, [config, source], null)!;
    }

    /// <summary>The model types from whose blocks heads may be cut out, in alphabetical order.</summary>
    internal static IEnumerable<string> TypesWithPrunedHeads => s_types.Values.Where(found => found.Row.TakesPrunedHeads).Select(found => found.Row.ModelType).Order(StringComparer.Ordinal);
}
