using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>The LoRA adapters that X-LoRA mixes.</summary>
internal static class XLoraExperts
{
    /// <summary>Makes the experts: with the numbers of their folders, or without, where a file brings them.</summary>
    public static IReadOnlyList<AdapterSet> Create(XLoraOptions options, Backbone backbone)
    {
        var (names, sets) = (options.Names, new List<AdapterSet>());
        try
        {
            for (var k = 0; k < names.Count; k++)
            {
                sets.Add(options.ExpertsAreInFile ? Make(names[k], options.Experts![k], backbone) : Read(names[k], options.Adapters![names[k]], backbone));
                foreach (var parameter in sets[k].Adapters.SelectMany(part => part.parameters()))
                {
                    parameter.requires_grad = options.TrainsExperts;
                }
            }

            return sets;
        }
        catch
        {
            sets.ForEach(set => set.Dispose());
            throw;
        }
    }

    /// <summary>The tensors of the classifier that are in the folders of experts: see <see cref="XLoraOptions.Elsewhere"/>.</summary>
    public static Dictionary<string, (string File, string Name)> LostNames(IEnumerable<string> experts, string folder, IReadOnlyCollection<string> names)
    {
        const string Layers = "base_model.internal_xlora_classifier.layers.";
        var found = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        foreach (var expert in experts)
        {
            var path = Path.Combine(folder, expert, "adapter_model.safetensors");
            var lost = (from tensor in (string[])["weight", "bias"] select (Whole: $"{Layers}{expert}.{tensor}", Short: Layers + tensor)).Where(n => !names.Contains(n.Whole)).ToList();
            if (lost.Count == 0 || !File.Exists(path))
            {
                continue;
            }

            using var file = SafetensorsReader.Open(path);
            foreach (var (whole, stored) in lost.Where(n => file.Entries.ContainsKey(n.Short)))
            {
                found.Add(whole, (path, stored));
            }
        }

        return found;
    }

    private static AdapterSet Read(string name, string folder, Backbone backbone)
    {
        if (!Directory.Exists(folder))
        {
            throw new PeftException($"The expert '{name}' of X-LoRA should be in '{folder}', which is no folder; give Adapters the folders of the LoRA adapters.");
        }

        var read = AdapterCheckpoint.ReadOptions(folder);
        var set = Make(
            name,
            read as LoraOptions ?? throw new PeftException($"The expert '{name}' of X-LoRA is of the method {read.Method.Name}; experts are LoRA adapters."),
            backbone);
        try
        {
            using var file = SafetensorsReader.Open(Path.Combine(folder, "adapter_model.safetensors"));
            var heads = new CopiedModules(read.ModulesToSave ?? [], []);
            AdapterCheckpoint.ReadTensors(set, folder, file.Entries.Where(e => heads.Of(e.Key) is null).ToDictionary(StringComparer.Ordinal), file.ReadInto);
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    private static AdapterSet Make(string name, LoraOptions options, Backbone backbone)
    {
        options = options with { IsStored = true };
        if (options.UseDora || options.InvocationTokens is not null || options.TrainableTokenIndices is not null || options.Bias != "none")
        {
            throw new PeftException($"The expert '{name}' of X-LoRA has DoRA, alora_invocation_tokens, trainable_token_indices or a trained bias; experts are plain LoRA.");
        }

        // What an expert brings of heads is left out: X-LoRA trains one of its own.
        var set = AdapterSet.Create(name, options with { ModulesToSave = null }, backbone, new([], []), seed: 0);
        if (set.Adapters.FirstOrDefault(part => part is not (LoraEmbedding or Lora { Factors.IsResidual: false })) is not { } other)
        {
            return set;
        }

        set.Dispose();
        throw new PeftException(other is Lora
            ? $"The expert '{name}' of X-LoRA has the start '{options.Start}', which is taken out of the base model; convert it with AdapterConversion.ToLora first."
            : $"The expert '{name}' of X-LoRA acts on '{other.Path}', which is neither a linear layer nor an embedding; leave it out of its targets.");
    }
}
