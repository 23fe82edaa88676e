namespace Microsoft.ML.Peft.Inputs.Text.Patterns;

/// <summary>What one step of a compiled pattern does.</summary>
internal enum PatternOp : byte
{
    /// <summary>Takes one character of <see cref="PatternStep.Set"/>.</summary>
    One,

    /// <summary>Takes A to B characters of the set, as many as it can, and gives them back one by one.</summary>
    Greedy,

    /// <summary>Takes A to B characters of the set, as few as it can.</summary>
    Lazy,

    /// <summary>Takes A to B characters of the set and never gives one back.</summary>
    Possessive,

    /// <summary>Goes on at A, and at B if that fails.</summary>
    Split,

    /// <summary>Goes on at A.</summary>
    Jump,

    /// <summary>Notes the position in slot A.</summary>
    Mark,

    /// <summary>Goes on at B if nothing was taken since slot A was noted: an empty turn ends a loop.</summary>
    SkipIfEmpty,

    /// <summary>What follows up to <see cref="LookEnd"/> must match (A = 1) or must not (A = 0) here; goes on at B.</summary>
    Look,

    LookEnd,

    /// <summary>What follows up to <see cref="AtomicEnd"/> is tried once.</summary>
    Atomic,

    AtomicEnd,

    /// <summary>The start or end of the text or of a line, or a word boundary: A is a <see cref="PatternAnchor"/>.</summary>
    Anchor,

    /// <summary>The character before the position is of the set (A = 1) or is not (A = 0).</summary>
    Behind,

    /// <summary>A match.</summary>
    Done,
}

internal enum PatternAnchor
{
    TextStart,
    TextEnd,
    TextEndOrLastLine,
    LineStart,
    LineEnd,
    WordBoundary,
    NoWordBoundary,
}

internal readonly record struct PatternStep(PatternOp Op, int A = 0, int B = 0, CharSet? Set = null);
