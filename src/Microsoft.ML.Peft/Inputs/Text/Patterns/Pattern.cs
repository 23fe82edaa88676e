using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Inputs.Text.Patterns;

/// <summary>A regular expression over code points, with the syntax that tokenizer files use.</summary>
/// <remarks>
/// The runtime's own engine works on UTF-16 units, so that <c>\p{L}</c> misses letters beyond U+FFFF, and it has neither
/// possessive loops nor scripts. This one backtracks with an explicit stack and a budget in steps: a hostile pattern ends
/// with an error, not with a hung process.
/// </remarks>
internal sealed class Pattern : ITextPattern
{
    private const int StepsPerChar = 2000;
    private const int FreeSteps = 100_000;
    private const int MaxStack = 1 << 22;

    [ThreadStatic]
    private static int[]? _stackOfThread;

    private readonly string _text;
    private readonly PatternStep[] _steps;
    private readonly int _slots;

    private Pattern(string text, PatternStep[] steps, int slots)
    {
        _text = text;
        _steps = steps;
        _slots = slots;
    }

    /// <summary>Compiles a pattern.</summary>
    /// <exception cref="FormatException">It is not well formed, or uses what this engine does not have.</exception>
    public static Pattern Compile(string text)
    {
        var (steps, slots) = new PatternCompiler(text).Compile();
        return new Pattern(text, steps, slots);
    }

    /// <summary>Finds the first match that starts at or after <paramref name="from"/>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="from">Where to start.</param>
    /// <param name="budget">Steps left for this text; start with <see cref="BudgetFor"/>.</param>
    /// <param name="end">Unit after the match.</param>
    /// <returns>Start of the match, or −1.</returns>
    public int Find(ReadOnlySpan<char> text, int from, ref long budget, out int end)
    {
        for (var start = from; start <= text.Length; start++)
        {
            if (start > from && start < text.Length && char.IsLowSurrogate(text[start]) && char.IsHighSurrogate(text[start - 1]))
                continue;
            end = MatchAt(text, start, ref budget);
            if (end >= 0)
                return start;
        }
        end = -1;
        return -1;
    }

    public static long BudgetFor(int length) => FreeSteps + ((long)length * StepsPerChar);

    private int MatchAt(ReadOnlySpan<char> text, int start, ref long budget)
    {
        var stack = _stackOfThread ??= new int[256];
        Span<int> slots = _slots <= 16 ? stackalloc int[_slots] : new int[_slots];
        return Run(text, 0, start, ref stack, 0, slots, ref budget);
    }

    /// <summary>Runs from one step until a match or the end of all alternatives; look-arounds and atomic groups run inside.</summary>
    private int Run(ReadOnlySpan<char> text, int step, int position, ref int[] stack, int floor, Span<int> slots, ref long budget)
    {
        var top = floor;
        while (true)
        {
            if (--budget < 0)
                throw new ModelFormatException(Shown(), ModelFormatError.LimitExceeded, "this pattern of the tokenizer takes too many steps on this text.");
            ref readonly var current = ref _steps[step];
            var matched = true;
            switch (current.Op)
            {
                case PatternOp.One:
                    matched = Take(text, ref position, current.Set!);
                    step++;
                    break;
                case PatternOp.Greedy:
                case PatternOp.Possessive:
                    var first = position;
                    var count = 0;
                    while (count < current.B && Take(text, ref position, current.Set!))
                        count++;
                    budget -= count;
                    matched = count >= current.A;
                    if (matched && count > current.A && current.Op == PatternOp.Greedy)
                    {
                        for (var i = 0; i < current.A; i++)
                            first += UnitsAt(text, first);
                        Push(ref stack, ref top, step, position, first);
                    }
                    step++;
                    break;
                case PatternOp.Lazy:
                    for (var i = 0; i < current.A && matched; i++)
                        matched = Take(text, ref position, current.Set!);
                    if (matched && current.B > current.A)
                        Push(ref stack, ref top, step, position, current.A);
                    step++;
                    break;
                case PatternOp.Split:
                    Push(ref stack, ref top, current.B, position, -1);
                    step = current.A;
                    break;
                case PatternOp.Jump:
                    step = current.A;
                    break;
                case PatternOp.Mark:
                    Push(ref stack, ref top, -1 - current.A, slots[current.A], 0);
                    slots[current.A] = position;
                    step++;
                    break;
                case PatternOp.SkipIfEmpty:
                    step = slots[current.A] == position ? current.B : step + 1;
                    break;
                case PatternOp.Look:
                    var seen = Run(text, step + 1, position, ref stack, top, slots, ref budget) >= 0;
                    matched = seen == (current.A == 1);
                    step = current.B;
                    break;
                case PatternOp.Atomic:
                    var end = Run(text, step + 1, position, ref stack, top, slots, ref budget);
                    matched = end >= 0;
                    position = end;
                    step = current.B;
                    break;
                case PatternOp.Anchor:
                    matched = Anchors(text, position, (PatternAnchor)current.A);
                    step++;
                    break;
                case PatternOp.Behind:
                    matched = (position > 0 && current.Set!.Contains(CodeBefore(text, position))) == (current.A == 1);
                    step++;
                    break;
                default:
                    return position;
            }
            if (!matched && !Back(text, ref stack, ref top, floor, ref step, ref position, slots))
                return -1;
        }
    }

    /// <summary>Goes back to the last choice that is still open.</summary>
    private bool Back(ReadOnlySpan<char> text, ref int[] stack, ref int top, int floor, ref int step, ref int position, Span<int> slots)
    {
        while (top > floor)
        {
            top -= 3;
            var (where, at, extra) = (stack[top], stack[top + 1], stack[top + 2]);
            if (where < 0)
            {
                slots[-1 - where] = at;
                continue;
            }
            (step, position) = (where, at);
            ref readonly var choice = ref _steps[where];
            if (extra < 0)
                return true;
            if (choice.Op == PatternOp.Greedy)
            {
                position -= position > 1 && char.IsLowSurrogate(text[position - 1]) && char.IsHighSurrogate(text[position - 2]) ? 2 : 1;
                if (position > extra)
                    Push(ref stack, ref top, where, position, extra);
                step++;
                return true;
            }
            if (!Take(text, ref position, choice.Set!))
                continue;
            if (extra + 1 < choice.B)
                Push(ref stack, ref top, where, position, extra + 1);
            step++;
            return true;
        }
        return false;
    }

    private void Push(ref int[] stack, ref int top, int step, int position, int extra)
    {
        if (top + 3 > stack.Length)
        {
            if (stack.Length >= MaxStack)
                throw new ModelFormatException(Shown(), ModelFormatError.LimitExceeded, "this pattern of the tokenizer has too many open choices on this text.");
            Array.Resize(ref stack, stack.Length * 2);
            _stackOfThread = stack;
        }
        stack[top] = step;
        stack[top + 1] = position;
        stack[top + 2] = extra;
        top += 3;
    }

    private static bool Take(ReadOnlySpan<char> text, ref int position, CharSet set)
    {
        if (position >= text.Length)
            return false;
        int code = text[position];
        var units = 1;
        if (char.IsHighSurrogate((char)code) && position + 1 < text.Length && char.IsLowSurrogate(text[position + 1]))
            (code, units) = (char.ConvertToUtf32((char)code, text[position + 1]), 2);
        if (!set.Contains(code))
            return false;
        position += units;
        return true;
    }

    private static int UnitsAt(ReadOnlySpan<char> text, int position) =>
        position + 1 < text.Length && char.IsSurrogatePair(text[position], text[position + 1]) ? 2 : 1;

    private static int CodeBefore(ReadOnlySpan<char> text, int position) =>
        position > 1 && char.IsSurrogatePair(text[position - 2], text[position - 1]) ? char.ConvertToUtf32(text[position - 2], text[position - 1]) : text[position - 1];

    private static int CodeAt(ReadOnlySpan<char> text, int position) =>
        UnitsAt(text, position) == 2 ? char.ConvertToUtf32(text[position], text[position + 1]) : text[position];

    private static bool Anchors(ReadOnlySpan<char> text, int position, PatternAnchor anchor) => anchor switch
    {
        PatternAnchor.TextStart => position == 0,
        PatternAnchor.TextEnd => position == text.Length,
        PatternAnchor.TextEndOrLastLine => position == text.Length || (position == text.Length - 1 && text[position] == '\n'),
        PatternAnchor.LineStart => position == 0 || (text[position - 1] == '\n' && position < text.Length),
        PatternAnchor.LineEnd => position == text.Length || text[position] == '\n',
        PatternAnchor.WordBoundary => IsBoundary(text, position),
        _ => !IsBoundary(text, position),
    };

    private static bool IsBoundary(ReadOnlySpan<char> text, int position) =>
        (position > 0 && CharClass.Word.Contains(CodeBefore(text, position))) != (position < text.Length && CharClass.Word.Contains(CodeAt(text, position)));

    private string Shown() => "pattern " + (_text.Length <= 60 ? _text : _text[..60] + "…");
}
