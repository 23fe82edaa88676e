namespace Microsoft.ML.Peft;

/// <summary>What a fine-tuned model does.</summary>
public enum PeftTask
{
    /// <summary>Sorts texts into classes.</summary>
    TextClassification,
}
