namespace Microsoft.ML.Peft.Procedures.ZeroShot;

/// <summary>Texts that stand for classes: every class name in every template.</summary>
/// <remarks>Source: Radford et al. 2021, arXiv:2103.00020, §3.1.4.</remarks>
public sealed class ClassPrompts
{
    /// <summary>Where a template has the name of the class.</summary>
    public const string Place = "{}";

    /// <summary>Makes the texts.</summary>
    /// <param name="classes">Names of the classes: two or more, none of them twice.</param>
    /// <param name="templates">Templates, each with <see cref="Place"/> once or more. Default: <c>a photo of a {}.</c></param>
    /// <exception cref="ArgumentException">There are too few names, one is there twice, or a template has no place for the name.</exception>
    public ClassPrompts(IReadOnlyList<string> classes, IReadOnlyList<string>? templates = null)
    {
        ArgumentNullException.ThrowIfNull(classes);
        Classes = [.. classes];
        Templates = templates is null ? ["a photo of a {}."] : [.. templates];
        if (Classes.Count < 2 || Classes.Any(string.IsNullOrWhiteSpace) || Classes.Distinct(StringComparer.Ordinal).Count() < Classes.Count)
        {
            throw new ArgumentException($"The classes are '{string.Join("', '", Classes.Take(8))}'{(Classes.Count > 8 ? ", …" : "")}; give two names or more, none of them empty or twice.", nameof(classes));
        }

        if (Templates.Count == 0 || Templates.Any(t => !t.Contains(Place, StringComparison.Ordinal)))
        {
            throw new ArgumentException($"The templates are '{string.Join("', '", Templates.Take(8))}'; give one or more, each with {Place} where the name of the class goes.", nameof(templates));
        }

        Texts = [.. from name in Classes from template in Templates select template.Replace(Place, name, StringComparison.Ordinal)];
    }

    /// <summary>Names of the classes.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The templates.</summary>
    public IReadOnlyList<string> Templates { get; }

    /// <summary>All texts: those of the first class in the order of the templates, then those of the second, and so on.</summary>
    public IReadOnlyList<string> Texts { get; }
}
