namespace Bench.Claims.Core;

/// <summary>How the experiments are run.</summary>
/// <param name="Seeds">Runs of each arm: 3 or more for a result that counts.</param>
/// <param name="Effort">Factor of every count of steps or epochs: 1 for a result that counts, less to see whether it runs.</param>
/// <param name="Models">Folder with the models bert-docs, llama-docs, vit-icons; the repository has the first.</param>
/// <param name="Data">Folder with debian-sections.train.tsv and .test.tsv.</param>
/// <param name="Device"><c>cpu</c> or <c>cuda</c>.</param>
internal sealed record ClaimSettings(int Seeds, double Effort, string Models, string Data, string Device)
{
    /// <summary>A count of steps or epochs, 1 or more.</summary>
    public int Steps(int steps) => Math.Max(1, (int)Math.Round(steps * Effort));

    /// <summary>The seeds 1, 2, ….</summary>
    public IEnumerable<int> SeedNumbers => Enumerable.Range(1, Seeds);

    /// <summary>Folder of a model.</summary>
    /// <exception cref="DirectoryNotFoundException">It is not there.</exception>
    public string Model(string name)
    {
        var folder = Path.Combine(Models, name);
        return Directory.Exists(folder) ? folder : throw new DirectoryNotFoundException($"'{folder}' does not exist; give the folder of the models with --models.");
    }
}
