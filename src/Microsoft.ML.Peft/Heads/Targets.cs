using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Heads;

/// <summary>What a batch should have given, under Hugging Face's names; −100 marks a token that does not count.</summary>
/// <param name="Labels"><c>labels</c>: class (batch), token classes (batch, length), numbers for a regression, or characters.</param>
/// <param name="StartPositions"><c>start_positions</c> (batch), question answering only.</param>
/// <param name="EndPositions"><c>end_positions</c> (batch), question answering only.</param>
public sealed record Targets(Tensor? Labels = null, Tensor? StartPositions = null, Tensor? EndPositions = null)
{
    /// <summary>The labels, which must be there.</summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    public Tensor RequiredLabels => Labels ?? throw new ArgumentException("This head needs labels to compute a loss.", nameof(Labels));
}
