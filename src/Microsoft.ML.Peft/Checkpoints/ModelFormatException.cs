namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>A model file, configuration or tokenizer that cannot be read as what it claims to be.</summary>
public sealed class ModelFormatException : FormatException
{
    /// <summary>Names the file and what is wrong with it; the message starts with the file's name.</summary>
    /// <param name="file">Path or name of the file.</param>
    /// <param name="error">The kind of fault.</param>
    /// <param name="message">One sentence: the thing, its value, what is allowed, what to do.</param>
    /// <param name="inner">The fault below this one, if any.</param>
    public ModelFormatException(string file, ModelFormatError error, string message, Exception? inner = null)
        : base($"{file}: {message}", inner)
    {
        File = file;
        Error = error;
    }

    /// <summary>Path or name of the file.</summary>
    public string File { get; }

    /// <summary>The kind of fault.</summary>
    public ModelFormatError Error { get; }
}
