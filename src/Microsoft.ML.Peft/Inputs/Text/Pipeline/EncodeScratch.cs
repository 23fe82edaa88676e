namespace Microsoft.ML.Peft.Inputs.Text.Pipeline;

/// <summary>The buffers of one encoding; each thread keeps a set, so that encoding allocates only its result.</summary>
internal sealed class EncodeScratch
{
    private const int LargestKept = 1 << 20;

    [ThreadStatic]
    private static EncodeScratch? _ofThread;

    public PieceList Pieces { get; } = new();

    public TokenSink First { get; } = new();

    public TokenSink Second { get; } = new();

    public TextBuffer Before { get; set; } = new();

    public TextBuffer After { get; set; } = new();

    /// <summary>Takes the thread's set; a call from inside a call gets one of its own.</summary>
    public static EncodeScratch Rent()
    {
        var scratch = _ofThread ?? new EncodeScratch();
        _ofThread = null;
        return scratch;
    }

    /// <summary>Gives the set back, unless one huge text has blown it up.</summary>
    public void Return()
    {
        if (Pieces.Text.Chars.Length <= LargestKept)
            _ofThread = this;
    }
}
