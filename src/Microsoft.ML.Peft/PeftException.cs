namespace Microsoft.ML.Peft;

/// <summary>A request or a model that cannot be served; the message says what, its value and what to do.</summary>
public class PeftException : Exception
{
    /// <summary>Makes an exception with a message.</summary>
    public PeftException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a message and its cause.</summary>
    public PeftException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
