namespace Microsoft.ML;

/// <summary>Says which class of this assembly loads models of a loader signature: by its static Create(IHostEnvironment, ModelLoadContext).</summary>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class LoadableClassAttribute(string signature, Type type) : Attribute
{
    public string Signature { get; } = signature;

    public Type Type { get; } = type;
}
