using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Layers;

/// <summary>A source that was read.</summary>
/// <param name="Hidden">(rows·length, hidden).</param>
/// <param name="Rows">Count of rows.</param>
/// <param name="Length">Positions of each row.</param>
/// <param name="Padding">1 for a token and 0 for padding (rows·length), or null where no row is padded.</param>
public sealed record EncodedSource(Tensor Hidden, long Rows, long Length, Tensor? Padding);
