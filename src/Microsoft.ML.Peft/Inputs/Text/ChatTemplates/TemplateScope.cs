namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>Names and values, and the scope around them.</summary>
internal sealed class TemplateScope(TemplateScope? outer)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public void Set(string name, object? value) => _values[name] = value;

    public object? Get(string name)
    {
        for (var scope = this; scope != null; scope = scope.Outer)
        {
            if (scope._values.TryGetValue(name, out var value))
                return value;
        }
        return new Undefined(name);
    }

    private TemplateScope? Outer { get; } = outer;
}

/// <summary>What one rendering may cost: templates are data from strangers.</summary>
internal sealed class TemplateBudget
{
    private const int MaxOutput = 64 << 20;
    private long _steps = 10_000_000;

    /// <summary>Largest list or text that an expression may make.</summary>
    public const int MaxItems = 1_000_000;

    public void Step(int cost = 1)
    {
        if ((_steps -= cost) < 0)
            throw new FormatException("the template takes too many steps");
    }

    public static string Checked(string text) => text.Length <= MaxOutput ? text : throw new FormatException($"a text has more than {MaxOutput} characters");

    public static void CheckLength(long length)
    {
        if (length > MaxOutput)
            throw new FormatException($"a text has more than {MaxOutput} characters");
    }
}
