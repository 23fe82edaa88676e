namespace Microsoft.ML.Peft.Training;

/// <summary>One row of training data.</summary>
/// <param name="Text">The text.</param>
/// <param name="Label">Index of its class, from 0.</param>
public readonly record struct TextExample(string Text, int Label);
