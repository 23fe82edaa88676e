using System.Reflection;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>The methods of this library, found by the rows that their options carry.</summary>
public static class AdapterRegistry
{
    private static readonly Dictionary<string, (AdapterMethodAttribute Row, Type Options)> s_rows = typeof(AdapterRegistry).Assembly.GetTypes()
        .Select(type => (Row: type.GetCustomAttribute<AdapterMethodAttribute>(), Options: type))
        .Where(found => found.Row is not null)
        .ToDictionary(found => found.Row!.Name, found => (found.Row!, found.Options), StringComparer.Ordinal);

    /// <summary>Every row.</summary>
    public static IEnumerable<AdapterMethodAttribute> Methods => s_rows.Values.Select(found => found.Row).OrderBy(row => row.Name, StringComparer.Ordinal);

    /// <summary>The options type of a method.</summary>
    /// <exception cref="PeftException">There is no such method.</exception>
    internal static Type OptionsOf(string name)
        => s_rows.TryGetValue(name, out var found)
            ? found.Options
            : s_rows.Values.FirstOrDefault(row => row.Row.FormerName == name).Options
            ?? throw new PeftException($"The adapter method '{name}' is not supported; supported are {string.Join(", ", s_rows.Keys.Order(StringComparer.Ordinal))}.");

    /// <summary>The row of a method.</summary>
    internal static AdapterMethodAttribute RowOf(Type options) => s_rows.Values.Single(found => found.Options == options).Row;
}
