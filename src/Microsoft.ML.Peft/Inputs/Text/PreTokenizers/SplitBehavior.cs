using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;

namespace Microsoft.ML.Peft.Inputs.Text.PreTokenizers;

/// <summary>What becomes of the delimiters that text is split at.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>Collects the stretches of one piece, delimiters and others in turn, and joins them as a behaviour says.</summary>
internal sealed class Splitter(SplitBehavior behavior)
{
    private readonly List<(int Start, int End, bool Delimiter)> _parts = [];

    public static SplitBehavior Read(JsonPart json, SplitBehavior fallback)
    {
        if (json.IsNull)
            return fallback;
        var name = json.String();
        return Enum.TryParse<SplitBehavior>(name, out var value) && Enum.GetName(value) == name
            ? value
            : throw json.Error($"is '{name}'; allowed are {string.Join(", ", Enum.GetNames<SplitBehavior>())}.", ModelFormatError.Unsupported);
    }

    public void Add(int start, int end, bool delimiter) => _parts.Add((start, end, delimiter));

    /// <summary>Adds the joined stretches to the list and forgets them.</summary>
    public void Flush(PieceList pieces)
    {
        switch (behavior)
        {
            case SplitBehavior.Removed:
                foreach (var (start, end, delimiter) in _parts)
                {
                    if (!delimiter)
                        pieces.Add(start, end);
                }
                break;
            case SplitBehavior.Isolated:
                foreach (var (start, end, _) in _parts)
                    pieces.Add(start, end);
                break;
            case SplitBehavior.Contiguous:
                Join(pieces, (previous, part) => previous == part);
                break;
            case SplitBehavior.MergedWithPrevious:
                Join(pieces, (previous, part) => part && !previous);
                break;
            default:
                JoinWithNext(pieces);
                break;
        }
        _parts.Clear();
    }

    private void Join(PieceList pieces, Func<bool, bool, bool> belongs)
    {
        var previous = false;
        var (from, to) = (-1, -1);
        foreach (var (start, end, delimiter) in _parts)
        {
            if (from >= 0 && belongs(previous, delimiter))
            {
                to = end;
            }
            else
            {
                if (from >= 0)
                    pieces.Add(from, to);
                (from, to) = (start, end);
            }
            previous = delimiter;
        }
        if (from >= 0)
            pieces.Add(from, to);
    }

    private void JoinWithNext(PieceList pieces)
    {
        // Seen from the end: a delimiter joins what follows it, unless that is a delimiter itself.
        for (var i = _parts.Count - 2; i >= 0; i--)
        {
            if (_parts[i].Delimiter && !_parts[i + 1].Delimiter)
            {
                _parts[i] = _parts[i] with { End = _parts[i + 1].End };
                _parts[i + 1] = _parts[i + 1] with { Start = _parts[i + 1].End };
            }
        }
        foreach (var (start, end, _) in _parts)
            pieces.Add(start, end);
    }
}
