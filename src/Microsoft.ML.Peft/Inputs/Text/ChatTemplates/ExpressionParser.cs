using System.Globalization;

namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>Reads expressions, loosest binding first.</summary>
internal class ExpressionParser(List<TemplateToken> tokens)
{
    private const int MaxNesting = 200;

    private int _depth;

    protected int At { get; set; }

    protected TemplateToken Current => tokens[At];

    protected TemplateToken Take() => tokens[At++];

    protected bool TryTake(string value)
    {
        if (!Current.Is(value))
            return false;
        At++;
        return true;
    }

    protected void Expect(string value)
    {
        if (!TryTake(value))
            throw Error($"'{value}' is expected and '{Shown()}' stands there");
    }

    protected string ExpectName()
    {
        if (Current.Kind != TokenKind.Name)
            throw Error($"a name is expected and '{Shown()}' stands there");
        return Take().Value;
    }

    protected FormatException Error(string what) => new($"line {Current.Line}: {what}.");

    /// <summary>An expression, or several with commas between them, which make a tuple.</summary>
    protected Expression Tuple()
    {
        var first = Expression();
        if (!Current.Is(","))
            return first;
        var items = new List<Expression> { first };
        while (TryTake(","))
        {
            if (Current.Kind is TokenKind.BlockEnd or TokenKind.PrintEnd || Current.Is(")"))
                break;
            items.Add(Expression());
        }
        return new ListLiteral(first.Line, items, IsTuple: true);
    }

    protected Expression Expression()
    {
        if (++_depth > MaxNesting)
            throw Error($"the expression is nested deeper than {MaxNesting} levels");
        var value = Or();
        while (Current.Is("if"))
        {
            var line = Take().Line;
            var condition = Or();
            value = new Choice(line, condition, value, TryTake("else") ? Expression() : null);
        }
        _depth--;
        return value;
    }

    protected Expression Or()
    {
        var left = And();
        while (Current.Is("or"))
            left = new Binary(Take().Line, "or", left, And());
        return left;
    }

    private Expression And()
    {
        var left = Not();
        while (Current.Is("and"))
            left = new Binary(Take().Line, "and", left, Not());
        return left;
    }

    private Expression Not()
    {
        if (!Current.Is("not"))
            return Compare();
        if (++_depth > MaxNesting)
            throw Error($"the expression is nested deeper than {MaxNesting} levels");
        var not = new Unary(Take().Line, "not", Not());
        _depth--;
        return not;
    }

    private Expression Compare()
    {
        var first = Sum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            if (Current.Value is "==" or "!=" or "<" or ">" or "<=" or ">=" && Current.Kind == TokenKind.Operator)
            {
                rest.Add((Take().Value, Sum()));
            }
            else if (Current.Is("in"))
            {
                At++;
                rest.Add(("in", Sum()));
            }
            else if (Current.Is("not") && tokens[At + 1].Is("in"))
            {
                At += 2;
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count == 0 ? first : new Comparison(first.Line, first, rest);
            }
        }
    }

    private Expression Sum()
    {
        var left = Join();
        while (Current.Is("+") || Current.Is("-"))
        {
            var token = Take();
            left = new Binary(token.Line, token.Value, left, Join());
        }
        return left;
    }

    private Expression Join()
    {
        var left = Product();
        while (Current.Is("~"))
            left = new Binary(Take().Line, "~", left, Product());
        return left;
    }

    private Expression Product()
    {
        var left = Power();
        while (Current.Value is "*" or "/" or "//" or "%" && Current.Kind == TokenKind.Operator)
        {
            var token = Take();
            left = new Binary(token.Line, token.Value, left, Power());
        }
        return left;
    }

    private Expression Power()
    {
        var left = Signed(filters: true);
        while (Current.Is("**"))
            left = new Binary(Take().Line, "**", left, Signed(filters: true));
        return left;
    }

    private Expression Signed(bool filters)
    {
        if (++_depth > MaxNesting)
            throw Error($"the expression is nested deeper than {MaxNesting} levels");
        Expression value;
        if (Current.Is("-") || Current.Is("+"))
        {
            var token = Take();
            value = new Unary(token.Line, token.Value, Signed(filters: false));
        }
        else
        {
            value = Primary();
        }
        value = Postfix(value);
        if (filters)
            value = Filters(value);
        _depth--;
        return value;
    }

    private Expression Primary()
    {
        var token = Take();
        switch (token.Kind)
        {
            case TokenKind.Text:
                var text = token.Value;
                while (Current.Kind == TokenKind.Text)
                    text += Take().Value;
                return new Constant(token.Line, text);
            case TokenKind.Integer:
                return long.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var whole)
                    ? new Constant(token.Line, whole)
                    : throw Error($"the number {token.Value} is too large");
            case TokenKind.Number:
                return new Constant(token.Line, double.Parse(token.Value, CultureInfo.InvariantCulture));
            case TokenKind.Name:
                return token.Value switch
                {
                    "true" or "True" => new Constant(token.Line, true),
                    "false" or "False" => new Constant(token.Line, false),
                    "none" or "None" => new Constant(token.Line, null),
                    _ => new Variable(token.Line, token.Value),
                };
        }
        switch (token.Value)
        {
            case "(" when token.Kind == TokenKind.Operator:
                if (TryTake(")"))
                    return new ListLiteral(token.Line, [], IsTuple: true);
                var inner = Tuple();
                Expect(")");
                return inner;
            case "[" when token.Kind == TokenKind.Operator:
                return new ListLiteral(token.Line, Items("]", Expression));
            case "{" when token.Kind == TokenKind.Operator:
                return new MapLiteral(token.Line, Items("}", () =>
                {
                    var key = Expression();
                    Expect(":");
                    return (key, Expression());
                }));
            default:
                At--;
                throw Error($"a value is expected and '{Shown()}' stands there");
        }
    }

    private List<T> Items<T>(string close, Func<T> item)
    {
        var items = new List<T>();
        while (!TryTake(close))
        {
            items.Add(item());
            if (!TryTake(","))
            {
                Expect(close);
                break;
            }
        }
        return items;
    }

    private Expression Postfix(Expression value)
    {
        while (true)
        {
            if (Current.Is("."))
            {
                var line = Take().Line;
                var key = Current.Kind == TokenKind.Integer ? (object)long.Parse(Take().Value, CultureInfo.InvariantCulture) : ExpectName();
                value = new Member(line, value, new Constant(line, key), ByName: key is string);
            }
            else if (Current.Is("["))
            {
                value = Subscript(value);
            }
            else if (Current.Is("("))
            {
                var line = Current.Line;
                value = new Call(line, value, CallArguments());
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Subscript(Expression value)
    {
        var line = Take().Line;
        var start = Current.Is(":") ? null : Expression();
        if (start != null && TryTake("]"))
            return new Member(line, value, start, ByName: false);
        Expect(":");
        var stop = Current.Is(":") || Current.Is("]") ? null : Expression();
        var step = TryTake(":") && !Current.Is("]") ? Expression() : null;
        Expect("]");
        return new Slice(line, value, start, stop, step);
    }

    private Arguments CallArguments()
    {
        Expect("(");
        var positional = new List<Expression>();
        var named = new List<(string, Expression)>();
        while (!TryTake(")"))
        {
            if (Current.Kind == TokenKind.Name && tokens[At + 1].Is("="))
            {
                var name = Take().Value;
                At++;
                named.Add((name, Expression()));
            }
            else if (named.Count > 0)
            {
                throw Error("an argument without a name stands after one with a name");
            }
            else
            {
                positional.Add(Expression());
            }
            if (!TryTake(","))
            {
                Expect(")");
                break;
            }
        }
        return new Arguments(positional, named);
    }

    /// <summary>Reads the filters and tests after a value; a null value is the body of a filter block.</summary>
    private Expression Filters(Expression value)
    {
        while (true)
        {
            if (Current.Is("|"))
            {
                At++;
                value = NamedFilter(value);
            }
            else if (Current.Is("is"))
            {
                value = ReadTest(value);
            }
            else if (Current.Is("("))
            {
                value = new Call(Current.Line, value, CallArguments());
            }
            else
            {
                return value;
            }
        }
    }

    protected Filter NamedFilter(Expression? value)
    {
        var line = Current.Line;
        var name = ExpectName();
        return new Filter(line, value, name, Current.Is("(") ? CallArguments() : Arguments.None);
    }

    private Test ReadTest(Expression value)
    {
        var line = Take().Line;
        var negated = TryTake("not");
        var name = ExpectName();
        var arguments = Arguments.None;
        if (Current.Is("("))
            arguments = CallArguments();
        else if (StartsArgument())
            arguments = new Arguments([Postfix(Primary())], []);
        return new Test(line, value, name, arguments, negated);
    }

    private bool StartsArgument() => Current.Kind switch
    {
        TokenKind.Text or TokenKind.Integer or TokenKind.Number => true,
        TokenKind.Name => Current.Value is not ("else" or "or" or "and" or "is" or "if" or "in" or "not"),
        TokenKind.Operator => Current.Value is "[" or "{",
        _ => false,
    };

    private string Shown() => Current.Kind == TokenKind.End ? "the end" : Current.Value;
}
