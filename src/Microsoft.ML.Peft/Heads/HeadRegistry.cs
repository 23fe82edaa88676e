using System.Reflection;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Layers;

namespace Microsoft.ML.Peft.Heads;

/// <summary>The heads of this library, found by their attribute.</summary>
public static class HeadRegistry
{
    private static readonly (HeadForAttribute Row, Type Head)[] s_rows = [..
        from type in typeof(HeadRegistry).Assembly.GetTypes()
        from row in type.GetCustomAttributes<HeadForAttribute>()
        select (row, type)];

    /// <summary>The tasks that a backbone has heads for.</summary>
    public static IReadOnlyList<HeadKind> KindsOf(Backbone backbone)
        => [.. s_rows.Where(found => found.Row.Backbone.IsInstanceOfType(backbone)).Select(found => found.Row.Kind).Distinct().Order()];

    /// <summary>Builds the head of a task on a backbone.</summary>
    /// <exception cref="PeftException">The architecture has no such head.</exception>
    internal static Head Create(HeadKind kind, Backbone backbone, WeightSource source, int? classes)
    {
        var head = s_rows.FirstOrDefault(found => found.Row.Kind == kind && found.Row.Backbone.IsInstanceOfType(backbone)).Head;
        if (head is null)
        {
            throw new PeftException(
                $"{kind} is not supported for model_type '{backbone.Config.ModelType}'; supported are {string.Join(", ", KindsOf(backbone))}.");
        }

        return (Head)Activator.CreateInstance(
            head, BindingFlags.Instance | BindingFlags.Public | BindingFlags.DoNotWrapExceptions, null, [backbone, source, classes], null)!;
    }
}
