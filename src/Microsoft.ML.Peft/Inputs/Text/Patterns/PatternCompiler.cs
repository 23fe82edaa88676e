using System.Globalization;

namespace Microsoft.ML.Peft.Inputs.Text.Patterns;

/// <summary>Turns the text of a regular expression into steps.</summary>
/// <remarks>
/// Known: literals, escapes, sets with ranges, classes, nesting and <c>&amp;&amp;</c>, groups, <c>(?i)</c> and <c>(?i:…)</c>, alternatives,
/// greedy, lazy and possessive loops, atomic groups, look-ahead, look-behind of one character, anchors. Not known: back
/// references, conditions, longer look-behind.
/// </remarks>
internal sealed partial class PatternCompiler(string pattern)
{
    private const int MaxSteps = 20_000;
    private const int MaxNesting = 64;
    private const int MaxCount = 1000;
    private const int Endless = int.MaxValue;

    private readonly List<PatternStep> _steps = [];
    private int _at;
    private int _slots;
    private int _depth;
    private bool _ignoreCase;

    /// <summary>The steps and the number of slots that they use.</summary>
    public (PatternStep[] Steps, int Slots) Compile()
    {
        Alternatives();
        if (_at < pattern.Length)
            throw Error("has a ')' without its '('");
        Emit(new PatternStep(PatternOp.Done));
        return ([.. _steps], _slots);
    }

    private bool More => _at < pattern.Length;

    private char Peek => pattern[_at];

    private bool TryTake(string text)
    {
        if (string.CompareOrdinal(pattern, _at, text, 0, text.Length) != 0)
            return false;
        _at += text.Length;
        return true;
    }

    private int Emit(PatternStep step)
    {
        if (_steps.Count >= MaxSteps)
            throw Error("is too large");
        _steps.Add(step);
        return _steps.Count - 1;
    }

    private void Alternatives()
    {
        if (++_depth > MaxNesting)
            throw Error("is nested too deep");
        var ignoreCase = _ignoreCase;
        var jumps = new List<int>();
        while (true)
        {
            var start = _steps.Count;
            Sequence();
            if (!TryTake("|"))
                break;
            Insert(start, new PatternStep(PatternOp.Split, start + 1, 0));
            jumps.Add(Emit(new PatternStep(PatternOp.Jump)));
            _steps[start] = _steps[start] with { B = _steps.Count };
        }
        foreach (var jump in jumps)
            _steps[jump] = _steps[jump] with { A = _steps.Count };
        _ignoreCase = ignoreCase;
        _depth--;
    }

    private void Sequence()
    {
        while (More && Peek is not ('|' or ')'))
        {
            var start = _steps.Count;
            var single = Atom();
            Loops(start, single);
        }
    }

    /// <summary>Compiles one atom; returns its set if it is a single character.</summary>
    private CharSet? Atom()
    {
        var c = pattern[_at++];
        switch (c)
        {
            case '(':
                Group();
                return null;
            case '[':
                return EmitOne(Set());
            case '.':
                var any = new CharSet();
                any.AddRange('\n', '\n');
                return EmitOne(any.Close(negated: true, ignoreCase: false));
            case '^':
                return EmitAnchor(PatternAnchor.LineStart);
            case '$':
                return EmitAnchor(PatternAnchor.LineEnd);
            case '*' or '+' or '?':
                throw Error($"has a '{c}' with nothing before it");
            case '\\':
                return Escape();
            default:
                return EmitOne(Literal(CodeFrom(c)));
        }
    }

    private CharSet? EmitAnchor(PatternAnchor anchor)
    {
        Emit(new PatternStep(PatternOp.Anchor, (int)anchor));
        return null;
    }

    private CharSet EmitOne(CharSet set)
    {
        Emit(new PatternStep(PatternOp.One, Set: set));
        return set;
    }

    private CharSet Literal(int code)
    {
        var set = new CharSet();
        set.AddRange(code, code);
        return set.Close(negated: false, _ignoreCase);
    }

    private int CodeFrom(char c) =>
        char.IsHighSurrogate(c) && More && char.IsLowSurrogate(Peek) ? char.ConvertToUtf32(c, pattern[_at++]) : c;

    private void Group()
    {
        if (TryTake("?:"))
        {
            Body();
        }
        else if (TryTake("?="))
        {
            Around(PatternOp.Look, PatternOp.LookEnd, 1);
        }
        else if (TryTake("?!"))
        {
            Around(PatternOp.Look, PatternOp.LookEnd, 0);
        }
        else if (TryTake("?>"))
        {
            Around(PatternOp.Atomic, PatternOp.AtomicEnd, 0);
        }
        else if (TryTake("?<="))
        {
            Behind(1);
        }
        else if (TryTake("?<!"))
        {
            Behind(0);
        }
        else if (TryTake("?"))
        {
            OptionsOrName();
        }
        else
        {
            Body();
        }
    }

    private void Body()
    {
        Alternatives();
        if (!TryTake(")"))
            throw Error("has a '(' without its ')'");
    }

    private void Around(PatternOp op, PatternOp end, int wanted)
    {
        var start = Emit(new PatternStep(op, wanted));
        Body();
        Emit(new PatternStep(end));
        _steps[start] = _steps[start] with { B = _steps.Count };
    }

    private void Behind(int wanted)
    {
        var start = _steps.Count;
        Body();
        if (_steps.Count != start + 1 || _steps[start].Op != PatternOp.One)
            throw Error("looks behind for more than one character, which this engine cannot");
        _steps[start] = new PatternStep(PatternOp.Behind, wanted, Set: _steps[start].Set);
    }

    private void OptionsOrName()
    {
        if (TryTake("<") || TryTake("P<"))
        {
            var close = pattern.IndexOf('>', _at);
            if (close < 0)
                throw Error("has a group name without '>'");
            _at = close + 1;
            Body();
            return;
        }
        var (on, ignoreCase) = (true, _ignoreCase);
        while (More && Peek is not (':' or ')'))
        {
            switch (pattern[_at++])
            {
                case '-':
                    on = false;
                    break;
                case 'i':
                    ignoreCase = on;
                    break;
                case var option:
                    throw Error($"has the unknown option '{option}'");
            }
        }
        if (TryTake(")"))
        {
            _ignoreCase = ignoreCase; // up to the end of the group around it
            return;
        }
        _at = Math.Min(_at + 1, pattern.Length);
        var outside = _ignoreCase;
        _ignoreCase = ignoreCase;
        Body();
        _ignoreCase = outside;
    }

    private void Loops(int start, CharSet? single)
    {
        while (More)
        {
            var counted = Peek == '{';
            if (Quantifier() is not var (least, most))
                break;
            // After '{n,m}' a '+' is a second loop, as in Oniguruma, whose syntax tokenizer files are written in.
            var kind = TryTake("?") ? PatternOp.Lazy : !counted && TryTake("+") ? PatternOp.Possessive : PatternOp.Greedy;
            if (single != null)
            {
                _steps.RemoveRange(start, _steps.Count - start);
                Emit(new PatternStep(kind, least, most, single));
            }
            else if (_steps.Count > start)
            {
                Repeat(start, least, most, kind);
            }
            single = null;
        }
    }

    private (int Least, int Most)? Quantifier()
    {
        switch (Peek)
        {
            case '*':
                _at++;
                return (0, Endless);
            case '+':
                _at++;
                return (1, Endless);
            case '?':
                _at++;
                return (0, 1);
            case '{':
                var close = pattern.IndexOf('}', _at);
                if (close < 0)
                    return null;
                var parts = pattern[(_at + 1)..close].Split(',');
                if (parts.Length > 2 || !parts.All(part => part.All(char.IsAsciiDigit)) || parts.All(part => part.Length == 0))
                    return null;
                _at = close + 1;
                var least = parts[0].Length == 0 ? 0 : Count(parts[0]);
                var most = parts.Length == 1 ? least : parts[1].Length == 0 ? Endless : Count(parts[1]);
                return most >= least ? (least, most) : throw Error("has a loop whose upper bound is below its lower one");
            default:
                return null;
        }
    }

    private int Count(string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= MaxCount ? count : throw Error($"has a loop of more than {MaxCount} turns");

    private void Repeat(int start, int least, int most, PatternOp kind)
    {
        var body = _steps.GetRange(start, _steps.Count - start);
        _steps.RemoveRange(start, body.Count);
        var atomic = kind == PatternOp.Possessive ? Emit(new PatternStep(PatternOp.Atomic)) : -1;
        for (var i = 0; i < least; i++)
            Copy(body, start);
        if (most == Endless)
        {
            var slot = _slots++;
            var loop = Emit(new PatternStep(PatternOp.Split));
            Emit(new PatternStep(PatternOp.Mark, slot));
            Copy(body, start);
            var check = Emit(new PatternStep(PatternOp.SkipIfEmpty, slot));
            Emit(new PatternStep(PatternOp.Jump, loop));
            _steps[check] = _steps[check] with { B = _steps.Count };
            Choose(loop, kind);
        }
        else
        {
            var choices = new List<int>();
            for (var i = least; i < most; i++)
            {
                choices.Add(Emit(new PatternStep(PatternOp.Split)));
                Copy(body, start);
            }
            foreach (var choice in choices)
                Choose(choice, kind);
        }
        if (atomic >= 0)
        {
            Emit(new PatternStep(PatternOp.AtomicEnd));
            _steps[atomic] = _steps[atomic] with { B = _steps.Count };
        }
    }

    /// <summary>Into the loop or past it, whichever the kind tries first.</summary>
    private void Choose(int split, PatternOp kind)
    {
        var (inside, after) = (split + 1, _steps.Count);
        _steps[split] = kind == PatternOp.Lazy ? new PatternStep(PatternOp.Split, after, inside) : new PatternStep(PatternOp.Split, inside, after);
    }

    private void Copy(List<PatternStep> body, int from)
    {
        var shift = _steps.Count - from;
        foreach (var step in body)
            Emit(Shifted(step, shift, from));
    }

    private void Insert(int at, PatternStep step)
    {
        for (var i = at; i < _steps.Count; i++)
            _steps[i] = Shifted(_steps[i], 1, at);
        Emit(default);
        for (var i = _steps.Count - 1; i > at; i--)
            _steps[i] = _steps[i - 1];
        _steps[at] = step;
    }

    private static PatternStep Shifted(PatternStep step, int shift, int from) => step.Op switch
    {
        PatternOp.Split => step with { A = step.A >= from ? step.A + shift : step.A, B = step.B >= from ? step.B + shift : step.B },
        PatternOp.Jump => step with { A = step.A >= from ? step.A + shift : step.A },
        PatternOp.SkipIfEmpty or PatternOp.Look or PatternOp.Atomic => step with { B = step.B >= from ? step.B + shift : step.B },
        _ => step,
    };

    private FormatException Error(string what) => new($"The regular expression {what} (near character {_at}).");
}
