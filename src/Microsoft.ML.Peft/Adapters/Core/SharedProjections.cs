using System.Security.Cryptography;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Two frozen random matrices A and B that all layers of an adapter share: each layer takes a corner of them.</summary>
/// <remarks>They are drawn from a seed of the settings; a file may leave them out, and then they are drawn again. A file without them has a hash of them,
/// so that other random numbers than those of the training are found when it is read; HF PEFT's files have none, and HF PEFT passes it over.</remarks>
public sealed class SharedProjections : ModelAdapter
{
    private const long Hashed = 4096; // of each matrix

    private readonly string _prefix;
    private readonly bool _saved;

    /// <summary>Takes the matrices over.</summary>
    /// <param name="prefix">Files call them <c>base_model.prefix_A</c> and <c>base_model.prefix_B</c>.</param>
    /// <param name="a">A.</param>
    /// <param name="b">B.</param>
    /// <param name="saved">False to leave them out of files.</param>
    public SharedProjections(string prefix, Tensor a, Tensor b, bool saved)
        : base(prefix)
    {
        (A, B, _prefix, _saved) = (Frozen(a), Frozen(b), prefix, saved);
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

    /// <inheritdoc/>
    protected internal override IEnumerable<(string Name, Tensor Tensor)> Companions => _saved ? [] : [(_prefix + "_hash", Hash())];

    /// <inheritdoc/>
    protected internal override string WrongCompanion
        => "the matrices that are drawn here from projection_prng_key are not those that the adapter was trained with. Save it with save_projection where it was trained";

    // Of signs, and of as many numbers as tell other ones for sure: the normal numbers and the division by the deviation may differ in the last bits from machine to
    // machine, and of millions of numbers some would be rounded to another digit.
    private Tensor Hash()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var matrix in (Tensor[])[A, B])
        {
            hash.AppendData(matrix.flatten().narrow(0, 0, Math.Min(Hashed, matrix.numel())).sign().to(ScalarType.Int8).cpu().contiguous().bytes);
        }

        return tensor(hash.GetHashAndReset()[..16]).MoveToOuterDisposeScope();
    }
}
