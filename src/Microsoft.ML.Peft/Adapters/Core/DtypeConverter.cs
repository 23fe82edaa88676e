using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>A floating-point type by PyTorch's name.</summary>
internal sealed class DtypeConverter()
    : NamedStartConverter<ScalarType>((ScalarType.Float32, "float32"), (ScalarType.BFloat16, "bfloat16"), (ScalarType.Float16, "float16"))
{
    /// <summary>Refuses other types.</summary>
    /// <exception cref="ArgumentException">It is none of the three.</exception>
    public static void Require(ScalarType? type, string name)
    {
        if (type is not (null or ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16))
        {
            throw new ArgumentException($"{name} is {type}; it must be Float32, BFloat16 or Float16.", name);
        }
    }
}
