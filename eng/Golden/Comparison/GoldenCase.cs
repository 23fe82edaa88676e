namespace Peft.Golden;

/// <summary>One case of a golden folder: a model, or a model with an adapter.</summary>
/// <param name="Root">The golden folder.</param>
/// <param name="Model">Name of the model's folder.</param>
/// <param name="Adapter">Name of the adapter's folder in it, or null for the bare model.</param>
internal sealed record GoldenCase(string Root, string Model, string? Adapter)
{
    public string ModelFolder => Path.Combine(Root, Model);

    /// <summary>The folder with what was recorded.</summary>
    public string Folder => Adapter is null ? ModelFolder : Path.Combine(ModelFolder, Adapter);

    /// <summary>Every case of a folder in alphabetical order, the bare model before its adapters.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    public static IEnumerable<GoldenCase> In(string root)
    {
        foreach (var model in Names(root).Where(name => File.Exists(Path.Combine(root, name, "config.json"))))
        {
            yield return new(root, model, null);
            var folder = Path.Combine(root, model);
            foreach (var adapter in Names(folder).Where(name => File.Exists(Path.Combine(folder, name, "expected.safetensors"))))
            {
                yield return new(root, model, adapter);
            }
        }
    }

    public override string ToString() => Adapter is null ? Model : $"{Model}/{Adapter}";

    private static IEnumerable<string> Names(string folder)
        => Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);
}
