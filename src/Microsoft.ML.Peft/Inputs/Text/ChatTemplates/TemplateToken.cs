namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

internal enum TokenKind
{
    /// <summary>Text between tags, to be written as it is.</summary>
    Data,

    /// <summary><c>{{</c></summary>
    PrintStart,

    /// <summary><c>}}</c></summary>
    PrintEnd,

    /// <summary><c>{%</c></summary>
    BlockStart,

    /// <summary><c>%}</c></summary>
    BlockEnd,
    Name,
    Text,
    Integer,
    Number,
    Operator,
    End,
}

internal readonly record struct TemplateToken(TokenKind Kind, string Value, int Line)
{
    public bool Is(string value) => Kind is TokenKind.Operator or TokenKind.Name && Value == value;
}
