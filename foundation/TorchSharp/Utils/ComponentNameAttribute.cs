namespace TorchSharp.Utils;

/// <summary>The name under which RegisterComponents registers a field or property.</summary>
[AttributeUsage(AttributeTargets.Field | AttributeTargets.Property)]
public class ComponentNameAttribute : Attribute
{
    public string? Name { get; set; }
}
