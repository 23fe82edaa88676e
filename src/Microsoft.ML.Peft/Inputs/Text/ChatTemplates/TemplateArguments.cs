namespace Microsoft.ML.Peft.Inputs.Text.ChatTemplates;

/// <summary>The arguments of a filter or method, by place or by name.</summary>
internal sealed class TemplateArguments(string owner, List<object?> positional, Dictionary<string, object?> named)
{
    public List<object?> Positional => positional;

    public Dictionary<string, object?> Named => named;

    public bool Has(int place, string name) => place < positional.Count || named.ContainsKey(name);

    public object? Get(int place, string name) => Has(place, name) ? Get(place, name, null) : throw new FormatException($"'{owner}' needs the value '{name}'");

    public object? Get(int place, string name, object? fallback) => place < positional.Count ? positional[place] : named.TryGetValue(name, out var value) ? value : fallback;

    public string Text(int place, string name, string? fallback = null)
    {
        var value = fallback == null ? Get(place, name) : Get(place, name, fallback);
        return value as string ?? throw new FormatException($"'{owner}' needs a text as '{name}', not {TemplateValue.KindOf(value)}");
    }

    public long Number(int place, string name, long fallback) => TemplateValue.ToLong(Get(place, name, fallback));

    /// <summary>What is left from a place on, for those that pass it on.</summary>
    public TemplateArguments From(int place, string newOwner) => new(newOwner, [.. positional.Skip(place)], named);
}
