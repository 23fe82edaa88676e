using System.Globalization;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Training;

namespace Bench.Accuracy;

/// <summary>Adapters for X-LoRA to mix, each trained on its own share of the training rows, in folders that go with this.</summary>
internal sealed class ExpertFolders : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("bench-experts-");

    /// <summary>Trains and writes them.</summary>
    /// <param name="candidate">X-LoRA with the settings of its experts.</param>
    /// <param name="experiment">Makes the classifiers.</param>
    /// <param name="seed">Seed of the run; each expert has its own.</param>
    /// <param name="epochs">Passes over an expert's rows; 0 to leave them as they start.</param>
    /// <param name="train">The rows that are shared out.</param>
    public ExpertFolders(Candidate candidate, Experiment experiment, int seed, int epochs, List<TextExample> train)
    {
        var (mixing, experts) = ((XLoraOptions)candidate.Options!, candidate.Experts!);
        var folders = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var k = 0; k < mixing.Adapters!.Count; k++)
        {
            using var model = experiment.Load(experts.Options, (seed * 100) + k);
            if (epochs > 0)
            {
                var share = train.Where((_, row) => row % mixing.Adapters.Count == k);
                Trainer.Fit(model, share, new() { Epochs = epochs, BatchSize = 32, LearningRate = experts.Rate });
            }

            var name = k.ToString(CultureInfo.InvariantCulture);
            folders.Add(name, Path.Combine(_folder.FullName, name));
            model.SaveAdapter(folders[name]);
        }

        Options = mixing with { Adapters = folders };
    }

    /// <summary>X-LoRA over them.</summary>
    public XLoraOptions Options { get; }

    public void Dispose() => _folder.Delete(recursive: true);
}
