using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Procedures;

/// <summary>Writes a model with its adapter merged into it: HF PEFT's <c>merge_and_unload</c> and <c>save_pretrained</c>.</summary>
public static class MergedModelFolder
{
    // What a folder holds beside weights and configuration; no code, no weights.
    private static readonly string[] s_kept =
    [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt",
        "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "chat_template.jinja", "preprocessor_config.json", "processor_config.json",
        "generation_config.json",
    ];

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Writes config.json, model.safetensors and copies of the tokenizer's and processor's files.</summary>
    /// <param name="model">The base model. Nobody else may use it meanwhile: the adapter is merged and taken out again.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="source">The folder that the model came from, for its other files.</param>
    /// <param name="folder">Where to; another folder than <paramref name="source"/>, made where it is missing.</param>
    /// <param name="labels">Class names of the head, written as id2label; null to keep the configuration's own.</param>
    /// <param name="removesSilentHeads">True to leave out what belongs to the heads that <see cref="Adapters.HeatOptions"/> has silenced, so that the model is smaller and faster: their rows of
    /// query, key and value and their columns after them, noted as <c>pruned_heads</c> in config.json, which transformers reads up to version 4.</param>
    /// <exception cref="PeftException">The method does not merge, a weight would be no number, a layer would get a bias that its model stores none of, or heads are to be removed and none is silent or the architecture does not have it.</exception>
    /// <exception cref="ArgumentException">Both folders are the same.</exception>
    public static void Write(
        PretrainedModel model, AdapterSet adapter, string source, string folder, IReadOnlyList<string>? labels = null, bool removesSilentHeads = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(adapter);
        if (Path.GetFullPath(source) == Path.GetFullPath(folder))
        {
            throw new ArgumentException($"The merged model would overwrite the base model in '{folder}'; give another folder.", nameof(folder));
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var removal = removesSilentHeads ? new HeadRemoval(model, adapter) : null;
        Directory.CreateDirectory(folder);
        using (adapter.Merge(safe: true))
        {
            if (model.Layers.OfType<LinearLayer>().FirstOrDefault(layer => layer.Weight.GivenBias is not null) is { } given)
            {
                throw new PeftException(
                    $"The adapter gives '{given.Path}' a bias, and models of type '{model.Backbone.Config.ModelType}' store none there; keep the adapter beside the model, or train one without biases. Nothing was written.");
            }

            var tensors = from layer in model.Layers
                          from part in layer.NamedTensors()
                          select KeyValuePair.Create(part.Name, AsStored(model, part.Name, removal?.Of(layer, part.Tensor) ?? part.Tensor));
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors, new Dictionary<string, string> { ["format"] = "pt" });
        }

        foreach (var name in s_kept.Where(name => File.Exists(Path.Combine(source, name))))
        {
            AtomicFile.Write(Path.Combine(folder, name), stream => stream.Write(File.ReadAllBytes(Path.Combine(source, name))));
        }

        AtomicFile.Write(Path.Combine(folder, "config.json"), stream => stream.Write(Encoding.UTF8.GetBytes(Config(model, labels, removal))));
    }

    // Float16 ends at 65504; a larger number would become infinite without a word.
    private static Tensor AsStored(PretrainedModel model, string name, Tensor tensor)
    {
        if (!model.StoredTypes.TryGetValue(name, out var type))
        {
            return tensor;
        }

        var stored = tensor.to(type);
        return type != ScalarType.Float16 || stored.isfinite().all().item<bool>()
            ? stored
            : throw new PeftException($"Merged, '{name}' has numbers beyond Float16, in which the base model is stored; the adapter's scale is too large, or it is damaged. Nothing was written.");
    }

    private static string Config(PretrainedModel model, IReadOnlyList<string>? labels, HeadRemoval? removal)
    {
        var config = JsonNode.Parse(model.Backbone.Config.Json)!.AsObject();
        if (labels is not null)
        {
            config["id2label"] = new JsonObject(labels.Select((label, k) => KeyValuePair.Create<string, JsonNode?>($"{k}", label)));
            config["label2id"] = new JsonObject(labels.Select((label, k) => KeyValuePair.Create<string, JsonNode?>(label, k)));
            config["num_labels"] = labels.Count;
        }

        removal?.Describe(config);
        return config.ToJsonString(s_json);
    }
}
