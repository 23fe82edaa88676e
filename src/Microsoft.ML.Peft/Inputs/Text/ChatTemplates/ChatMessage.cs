namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">Who speaks: mostly system, user or assistant.</param>
/// <param name="Content">What is said.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>Further fields that a template may read, such as <c>name</c> or <c>tool_calls</c>: texts, numbers, lists, tables.</summary>
    public IReadOnlyDictionary<string, object?>? Fields { get; init; }
}
