namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The part of an adapter that belongs to no layer: tensors that its layers share, or prompts.</summary>
/// <remarks>Its parameters are called <c>base_model.&lt;name&gt;</c> in files. A method whose layers share tensors makes one in
/// <see cref="AdapterOptions.CreateParts"/> and hands it to the parts of the layers.</remarks>
public abstract class ModelAdapter : Adapter
{
    /// <summary>Makes the part; <paramref name="name"/> is for error messages.</summary>
    protected ModelAdapter(string name)
        : base("") => Name = name;

    /// <summary>What it is called in messages.</summary>
    public string Name { get; }

    /// <inheritdoc/>
    protected internal override string FileKey(string prefix, string parameter) => $"base_model.{FileName(parameter)}";
}
