using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Adapters.Core;

// Several adapters in one folder, as HF PEFT's save_pretrained lays them out.
public sealed partial class AdapterCollection
{
    private const string Default = "default";

    /// <summary>Writes every adapter as HF PEFT does: that named <c>default</c> into the folder, each other one into the sub-folder of its name.</summary>
    /// <param name="folder">The folder, made where it is missing.</param>
    /// <param name="taskType">HF PEFT's name of the task, for example <c>SEQ_CLS</c>.</param>
    /// <param name="baseModel">What the adapters stand on: a label for people.</param>
    /// <exception cref="ArgumentException">A name cannot be that of a folder; nothing was written.</exception>
    public void Save(string folder, string? taskType, string baseModel)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        lock (_lock)
        {
            if (_sets.Keys.FirstOrDefault(name => name[0] == '.' || name.AsSpan().IndexOfAny('/', '\\', ':') >= 0) is { } bad)
            {
                throw new ArgumentException($"The adapter '{bad}' cannot be saved under its name, which would be that of a folder: it must not begin with a dot or have a separator. Add it under another name.");
            }

            foreach (var (name, set) in _sets)
            {
                AdapterCheckpoint.Write(set, name == Default ? folder : Path.Combine(folder, name), taskType, baseModel);
            }
        }
    }

    /// <summary>Reads every adapter that <see cref="Save"/> or HF PEFT has written into a folder; one that is there already is exchanged, as by <see cref="Load"/>.</summary>
    /// <returns>Their names, in alphabetical order.</returns>
    /// <exception cref="ModelFormatException">There is none, or one is not for this model.</exception>
    public IReadOnlyList<string> LoadAll(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (AdapterCheckpoint.IsIn(folder))
        {
            found.Add(Default, folder);
        }

        // What X-LoRA keeps in folders beside its file is a part of it.
        var whole = found.Count > 0 && AdapterCheckpoint.ReadOptions(folder) is XLoraOptions;
        foreach (var below in whole || !Directory.Exists(folder) ? [] : Directory.EnumerateDirectories(folder).Where(AdapterCheckpoint.IsIn))
        {
            found.TryAdd(Path.GetFileName(below), below);
        }

        if (found.Count == 0)
        {
            throw new ModelFormatException(folder, ModelFormatError.MissingFile, "neither the folder nor one below it has an adapter_config.json.");
        }

        foreach (var (name, place) in found)
        {
            Load(name, place);
        }

        return [.. found.Keys];
    }
}
