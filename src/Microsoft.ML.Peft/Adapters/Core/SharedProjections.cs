using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Two frozen random matrices A and B that all layers of an adapter share: each layer takes a corner of them.</summary>
/// <remarks>They are drawn from a seed of the settings; a file may leave them out, and then they are drawn again.</remarks>
public sealed class SharedProjections : ModelAdapter
{
    private readonly bool _saved;

    /// <summary>Takes the matrices over.</summary>
    /// <param name="prefix">Files call them <c>base_model.prefix_A</c> and <c>base_model.prefix_B</c>.</param>
    /// <param name="a">A.</param>
    /// <param name="b">B.</param>
    /// <param name="saved">False to leave them out of files.</param>
    public SharedProjections(string prefix, Tensor a, Tensor b, bool saved)
        : base(prefix)
    {
        (A, B, _saved) = (Frozen(a), Frozen(b), saved);
        register_parameter(prefix + "_A", A);
        register_parameter(prefix + "_B", B);
    }

    /// <summary>A.</summary>
    public Parameter A { get; }

    /// <summary>B.</summary>
    public Parameter B { get; }

    /// <inheritdoc/>
    protected internal override bool IsRequired(string parameter) => _saved;

    /// <inheritdoc/>
    protected internal override bool IsSaved(string parameter) => _saved;
}
