namespace Microsoft.ML.Tokenizers;

/// <summary>Small letters.</summary>
public sealed class LowerCaseNormalizer : Normalizer
{
    public LowerCaseNormalizer()
    {
    }

    public static LowerCaseNormalizer Instance { get; } = new();

    public override string Normalize(string original) => original.ToLowerInvariant();

    public override string Normalize(ReadOnlySpan<char> original) => Normalize(original.ToString());
}

/// <summary>Capital letters.</summary>
public sealed class UpperCaseNormalizer : Normalizer
{
    public UpperCaseNormalizer()
    {
    }

    public static UpperCaseNormalizer Instance { get; } = new();

    public override string Normalize(string original) => original.ToUpperInvariant();

    public override string Normalize(ReadOnlySpan<char> original) => Normalize(original.ToString());
}
