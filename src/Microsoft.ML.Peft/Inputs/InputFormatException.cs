namespace Microsoft.ML.Peft.Inputs;

/// <summary>A picture or a sound that cannot be read: damaged, too large, or of a format that this library does not read.</summary>
public sealed class InputFormatException : FormatException
{
    /// <summary>Names the input and what is wrong with it; the message starts with the name.</summary>
    /// <param name="input">Path or name of the input.</param>
    /// <param name="message">One sentence: the thing, its value, what is allowed, what to do.</param>
    /// <param name="inner">The fault below this one, if any.</param>
    public InputFormatException(string input, string message, Exception? inner = null)
        : base($"{input}: {message}", inner)
        => Input = input;

    /// <summary>Path or name of the input.</summary>
    public string Input { get; }
}
