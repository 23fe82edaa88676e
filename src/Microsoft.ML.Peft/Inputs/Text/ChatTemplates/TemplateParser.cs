namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>Reads the statements of a template.</summary>
internal sealed class TemplateParser : ExpressionParser
{
    private const int MaxNesting = 100;

    private int _depth;
    private int _loops;

    private TemplateParser(List<TemplateToken> tokens)
        : base(tokens)
    {
    }

    /// <exception cref="FormatException">The template is not well formed, or uses what this engine does not have.</exception>
    public static IReadOnlyList<Statement> Parse(string text)
    {
        var parser = new TemplateParser(TemplateLexer.Read(text));
        var body = parser.Body();
        if (parser.Current.Kind != TokenKind.End)
            throw parser.Error($"'{parser.Current.Value}' has nothing to end");
        return body;
    }

    /// <summary>Statements up to a block that starts with one of some names, or to the end; its name is the current token.</summary>
    private List<Statement> Body(params string[] ends)
    {
        if (++_depth > MaxNesting)
            throw Error($"blocks are nested deeper than {MaxNesting} levels");
        var statements = new List<Statement>();
        while (true)
        {
            var token = Current;
            switch (token.Kind)
            {
                case TokenKind.Data:
                    At++;
                    statements.Add(new Output(token.Line, token.Value));
                    continue;
                case TokenKind.PrintStart:
                    At++;
                    statements.Add(new Print(token.Line, Tuple()));
                    if (Take().Kind != TokenKind.PrintEnd)
                    {
                        At--;
                        throw Error("'}}' is expected");
                    }
                    continue;
                case TokenKind.BlockStart:
                    At++;
                    if (Array.IndexOf(ends, Current.Value) >= 0)
                    {
                        _depth--;
                        return statements;
                    }
                    if (Current.Value.StartsWith("end", StringComparison.Ordinal) || Current.Value is "else" or "elif")
                        throw Error(ends.Length == 0 ? $"'{Current.Value}' has nothing to end" : $"one of {string.Join(", ", ends)} is expected and '{Current.Value}' stands there");
                    statements.Add(Statement());
                    continue;
                default:
                    if (ends.Length > 0)
                        throw Error($"'{ends[^1]}' is missing");
                    _depth--;
                    return statements;
            }
        }
    }

    private void EndOfBlock()
    {
        if (Take().Kind == TokenKind.BlockEnd)
            return;
        At--;
        throw Error($"'%}}' is expected and '{Current.Value}' stands there");
    }

    private Statement Statement()
    {
        var line = Current.Line;
        var name = ExpectName();
        switch (name)
        {
            case "if":
                return ReadIf(line);
            case "for":
                return ReadFor(line);
            case "set":
                return ReadSet(line);
            case "macro":
                return ReadMacro(line);
            case "filter":
                var filter = NamedFilter(null);
                EndOfBlock();
                return new Block(line, Until("endfilter"), filter);
            case "generation":
                // Marks what the model says, for training masks; it writes nothing itself.
                EndOfBlock();
                return new Block(line, Until("endgeneration"), null);
            case "break" or "continue" when _loops > 0:
                EndOfBlock();
                return new Leave(line, Again: name == "continue");
            default:
                throw new FormatException($"line {line}: the statement '{name}' is not supported; known are if, for, set, macro, filter, generation, break, continue and raw.");
        }
    }

    private List<Statement> Until(string end)
    {
        var body = Body(end);
        At++;
        EndOfBlock();
        return body;
    }

    private If ReadIf(int line)
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        while (true)
        {
            var condition = Tuple();
            EndOfBlock();
            branches.Add((condition, Body("elif", "else", "endif")));
            if (!TryTake("elif"))
                break;
        }
        IReadOnlyList<Statement> otherwise = [];
        if (TryTake("else"))
        {
            EndOfBlock();
            otherwise = Until("endif");
        }
        else
        {
            At++;
            EndOfBlock();
        }
        return new If(line, branches, otherwise);
    }

    private For ReadFor(int line)
    {
        var names = Names();
        Expect("in");
        var source = Or();
        if (Current.Is(","))
            throw Error("a loop over several values needs parentheses around them");
        var condition = TryTake("if") ? Expression() : null;
        if (Current.Is("recursive"))
            throw Error("recursive loops are not supported");
        EndOfBlock();
        _loops++;
        var body = Body("else", "endfor");
        _loops--;
        IReadOnlyList<Statement> otherwise = [];
        if (TryTake("else"))
        {
            EndOfBlock();
            otherwise = Until("endfor");
        }
        else
        {
            At++;
            EndOfBlock();
        }
        return new For(line, names, source, condition, body, otherwise);
    }

    private List<string> Names()
    {
        var open = TryTake("(");
        var names = new List<string> { ExpectName() };
        while (TryTake(","))
            names.Add(ExpectName());
        if (open)
            Expect(")");
        return names;
    }

    private Statement ReadSet(int line)
    {
        var names = Names();
        string? field = null;
        if (names.Count == 1 && TryTake("."))
            field = ExpectName();
        if (TryTake("="))
        {
            var value = Tuple();
            EndOfBlock();
            return new Set(line, names, field, value);
        }
        if (names.Count > 1 || field != null)
            throw Error("'=' is expected");
        EndOfBlock();
        return new SetBlock(line, names[0], Until("endset"));
    }

    private Macro ReadMacro(int line)
    {
        var name = ExpectName();
        var parameters = new List<(string, Expression?)>();
        Expect("(");
        while (!TryTake(")"))
        {
            var parameter = ExpectName();
            parameters.Add((parameter, TryTake("=") ? Expression() : null));
            if (!TryTake(","))
            {
                Expect(")");
                break;
            }
        }
        EndOfBlock();
        var loops = _loops;
        _loops = 0;
        var body = Until("endmacro");
        _loops = loops;
        return new Macro(line, name, parameters, body);
    }
}
