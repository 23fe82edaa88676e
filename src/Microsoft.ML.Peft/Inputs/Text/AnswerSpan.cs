namespace Microsoft.ML.Peft.Inputs.Text;

/// <summary>An answer that a question-answering model found in a context.</summary>
/// <param name="Start">First UTF-16 unit of the answer in the context.</param>
/// <param name="End">Unit after the answer.</param>
/// <param name="Score">Sum of the start's and the end's logit.</param>
public readonly record struct AnswerSpan(int Start, int End, double Score);
