using System.Text.RegularExpressions;

namespace Microsoft.ML.Peft.Backbones;

/// <summary>The names that newer versions of transformers give to modules whose names in model.safetensors are older.</summary>
/// <remarks>transformers 5.1 renamed modules of some architectures in memory and kept their names on disk, so that
/// adapter files follow one naming or the other: <c>vit.encoder.layer.0.attention.attention.query</c> on disk and in older
/// adapters is <c>vit.layers.0.attention.q_proj</c> in newer ones.</remarks>
public sealed class ModulePaths
{
    private readonly (Regex Pattern, string Replacement)[] _rules;

    /// <summary>Names by rules, which are applied one after the other.</summary>
    /// <param name="renames">Regular expressions and what replaces their matches.</param>
    public ModulePaths(IReadOnlyList<(string Pattern, string Replacement)> renames)
        => _rules = [.. renames.Select(rule => (new Regex(rule.Pattern, RegexOptions.CultureInvariant), rule.Replacement))];

    /// <summary>The newer name of a module.</summary>
    public string Newer(string path)
    {
        foreach (var (pattern, replacement) in _rules)
        {
            path = pattern.Replace(path, replacement);
        }

        return path;
    }
}
