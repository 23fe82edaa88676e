using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>The number types of the safetensors format that libtorch holds, in the order in which the format ranks them.</summary>
internal readonly record struct SafetensorsDtype(string Name, ScalarType Type, int Size, int Rank)
{
    private static readonly SafetensorsDtype[] Known =
    [
        new("BOOL", ScalarType.Bool, 1, 0),
        new("U8", ScalarType.Byte, 1, 1),
        new("I8", ScalarType.Int8, 1, 2),
        new("I16", ScalarType.Int16, 2, 3),
        new("F16", ScalarType.Float16, 2, 4),
        new("BF16", ScalarType.BFloat16, 2, 5),
        new("I32", ScalarType.Int32, 4, 6),
        new("F32", ScalarType.Float32, 4, 7),
        new("C64", ScalarType.ComplexFloat32, 8, 8),
        new("F64", ScalarType.Float64, 8, 9),
        new("I64", ScalarType.Int64, 8, 10),
    ];

    /// <summary>The names that a file may use, for error messages.</summary>
    public static string AllowedNames => string.Join(", ", Known.Select(d => d.Name));

    public static bool TryParse(string name, [NotNullWhen(true)] out SafetensorsDtype? dtype)
    {
        foreach (var known in Known)
        {
            if (known.Name == name)
            {
                dtype = known;
                return true;
            }
        }
        dtype = null;
        return false;
    }

    /// <exception cref="NotSupportedException">The format has no name for this type.</exception>
    public static SafetensorsDtype Of(ScalarType type)
    {
        foreach (var known in Known)
        {
            if (known.Type == type)
                return known;
        }
        throw new NotSupportedException($"Tensors of type {type} cannot be stored as safetensors; allowed are {AllowedNames}.");
    }
}
