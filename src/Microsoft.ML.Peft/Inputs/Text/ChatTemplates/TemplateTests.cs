namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>What may follow <c>is</c>.</summary>
internal static class TemplateTests
{
    public static bool Run(string name, object? value, List<object?> arguments) => name switch
    {
        "defined" => value is not Undefined,
        "undefined" => value is Undefined,
        "none" => value is null,
        "true" => value is true,
        "false" => value is false,
        "boolean" => value is bool,
        "string" => value is string,
        "number" => value is long or double or bool,
        "integer" => value is long,
        "float" => value is double,
        "mapping" => value is TemplateMap,
        "sequence" => value is string or List<object?> or TemplateMap,
        "iterable" => value is string or List<object?> or TemplateMap or Undefined,
        "callable" => value is TemplateFunction,
        "even" => TemplateValue.ToLong(value) % 2 == 0,
        "odd" => TemplateValue.ToLong(value) % 2 != 0,
        "divisibleby" => TemplateValue.ToLong(value) % TemplateValue.ToLong(First(arguments, name)) == 0,
        "lower" => value is string text && text == text.ToLowerInvariant(),
        "upper" => value is string text && text == text.ToUpperInvariant(),
        "in" => ExpressionRunner.Contains(First(arguments, name), value),
        "equalto" or "eq" or "==" => TemplateValue.AreEqual(value, First(arguments, name)),
        "ne" or "!=" => !TemplateValue.AreEqual(value, First(arguments, name)),
        "gt" or "greaterthan" => TemplateValue.Compare(value, First(arguments, name)) > 0,
        "ge" => TemplateValue.Compare(value, First(arguments, name)) >= 0,
        "lt" or "lessthan" => TemplateValue.Compare(value, First(arguments, name)) < 0,
        "le" => TemplateValue.Compare(value, First(arguments, name)) <= 0,
        "sameas" => ReferenceEquals(value, First(arguments, name)) || (value is null or bool && Equals(value, First(arguments, name))),
        _ => throw new FormatException($"the test 'is {name}' is not supported"),
    };

    private static object? First(List<object?> arguments, string name) => arguments.Count > 0 ? arguments[0] : throw new FormatException($"the test 'is {name}' needs a value");
}
