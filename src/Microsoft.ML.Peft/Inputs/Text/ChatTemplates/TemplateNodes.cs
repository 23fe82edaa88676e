namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>Something that has a value.</summary>
internal abstract record Expression(int Line);

internal sealed record Constant(int Line, object? Value) : Expression(Line);

internal sealed record Variable(int Line, string Name) : Expression(Line);

internal sealed record ListLiteral(int Line, IReadOnlyList<Expression> Items, bool IsTuple = false) : Expression(Line);

internal sealed record MapLiteral(int Line, IReadOnlyList<(Expression Key, Expression Value)> Items) : Expression(Line);

/// <summary><c>a.b</c> where <paramref name="ByName"/>, else <c>a[b]</c>.</summary>
internal sealed record Member(int Line, Expression Target, Expression Key, bool ByName) : Expression(Line);

internal sealed record Slice(int Line, Expression Target, Expression? Start, Expression? Stop, Expression? Step) : Expression(Line);

internal sealed record Call(int Line, Expression Target, Arguments Arguments) : Expression(Line);

internal sealed record Filter(int Line, Expression? Target, string Name, Arguments Arguments) : Expression(Line);

internal sealed record Test(int Line, Expression Target, string Name, Arguments Arguments, bool Negated) : Expression(Line);

internal sealed record Unary(int Line, string Operator, Expression Operand) : Expression(Line);

internal sealed record Binary(int Line, string Operator, Expression Left, Expression Right) : Expression(Line);

/// <summary>A chain such as <c>a &lt; b &lt;= c</c>.</summary>
internal sealed record Comparison(int Line, Expression First, IReadOnlyList<(string Operator, Expression Operand)> Rest) : Expression(Line);

internal sealed record Choice(int Line, Expression Condition, Expression Then, Expression? Otherwise) : Expression(Line);

/// <summary>What stands between the parentheses of a call.</summary>
internal sealed record Arguments(IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named)
{
    public static readonly Arguments None = new([], []);
}

/// <summary>Something that is done.</summary>
internal abstract record Statement(int Line);

internal sealed record Output(int Line, string Text) : Statement(Line);

internal sealed record Print(int Line, Expression Value) : Statement(Line);

internal sealed record If(int Line, IReadOnlyList<(Expression Condition, IReadOnlyList<Statement> Body)> Branches, IReadOnlyList<Statement> Otherwise) : Statement(Line);

internal sealed record For(int Line, IReadOnlyList<string> Names, Expression Source, Expression? Condition, IReadOnlyList<Statement> Body, IReadOnlyList<Statement> Otherwise) : Statement(Line);

/// <summary><c>set</c> of names, or of a namespace's field.</summary>
internal sealed record Set(int Line, IReadOnlyList<string> Names, string? Field, Expression Value) : Statement(Line);

/// <summary><c>set</c> of a name to what a body writes.</summary>
internal sealed record SetBlock(int Line, string Name, IReadOnlyList<Statement> Body) : Statement(Line);

internal sealed record Macro(int Line, string Name, IReadOnlyList<(string Name, Expression? Default)> Parameters, IReadOnlyList<Statement> Body) : Statement(Line);

/// <summary>A body whose output passes through a filter, or just a body.</summary>
internal sealed record Block(int Line, IReadOnlyList<Statement> Body, Filter? Filter) : Statement(Line);

internal sealed record Leave(int Line, bool Again) : Statement(Line);
