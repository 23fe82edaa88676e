using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>One tensor of a safetensors file: where it lies and what it is.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="Dtype">Stored number type.</param>
/// <param name="Shape">Sizes of the dimensions; empty for a scalar.</param>
/// <param name="Offset">Position in bytes from the start of the data.</param>
/// <param name="Length">Size in bytes.</param>
public sealed record SafetensorsEntry(string Name, ScalarType Dtype, long[] Shape, long Offset, long Length);
