namespace Microsoft.ML.Peft.Heads;

/// <summary>Says which task a <see cref="Head"/> is for, and on which kind of backbone; its constructor takes
/// (that backbone, WeightSource, int? classes).</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class HeadForAttribute : Attribute
{
    /// <summary>Names the task and the base type of the backbones.</summary>
    public HeadForAttribute(HeadKind kind, Type backbone) => (Kind, Backbone) = (kind, backbone);

    /// <summary>The task.</summary>
    public HeadKind Kind { get; }

    /// <summary>The type that the backbone must be of.</summary>
    public Type Backbone { get; }
}
