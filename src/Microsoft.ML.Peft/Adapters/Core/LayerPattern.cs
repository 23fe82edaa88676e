using System.Text.RegularExpressions;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>Settings that differ by layer: HF PEFT's <c>rank_pattern</c>, <c>alpha_pattern</c> and their like.</summary>
internal static class LayerPattern
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(200);

    /// <summary>The value of the first key that matches the end of the path as <c>(.*\.)?(key)$</c>, else the default.</summary>
    /// <exception cref="PeftException">A key is no regular expression, or takes too long.</exception>
    public static T Find<T>(IReadOnlyDictionary<string, T>? patterns, string path, T otherwise)
    {
        foreach (var (key, value) in patterns ?? new Dictionary<string, T>())
        {
            if (Matches(key, path))
            {
                return value;
            }
        }

        return otherwise;
    }

    /// <summary>True for a key that matches the end of the path.</summary>
    /// <exception cref="PeftException">It is no regular expression, or takes too long.</exception>
    public static bool Matches(string key, string path)
    {
        try
        {
            return Regex.IsMatch(path, $@"^(.*\.)?({key})$", RegexOptions.CultureInvariant, s_limit);
        }
        catch (Exception error) when (error is RegexMatchTimeoutException or ArgumentException)
        {
            throw new PeftException($"The layer pattern '{key}' cannot be used: {error.Message}", error);
        }
    }
}
