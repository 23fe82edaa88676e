using System.Text;
using System.Text.Json;
using Microsoft.ML.Peft.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters.Core;

/// <summary>An adapter as HF PEFT keeps it: a folder with adapter_config.json and adapter_model.safetensors.</summary>
public static class AdapterCheckpoint
{
    private const string ConfigFile = "adapter_config.json";
    private const string WeightsFile = "adapter_model.safetensors";
    private const string PickleFile = "adapter_model.bin";

    // HF PEFT writes the base weights of layers with these names, where an adapter goes on them.
    private static readonly string[] s_tables = ["embed_tokens", "lm_head"];

    /// <summary>Writes an adapter; each file is complete or not there.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="folder">The folder, made where it is missing.</param>
    /// <param name="taskType">HF PEFT's name of the task, for example <c>SEQ_CLS</c>.</param>
    /// <param name="baseModel">What the adapter was trained on: a label for people.</param>
    /// <exception cref="PeftException">The adapter is a trained head alone, which HF PEFT has no form for.</exception>
    public static void Write(AdapterSet adapter, string folder, string? taskType, string baseModel)
    {
        var options = adapter.Options ?? throw new PeftException(
            "This model has a trained head and no adapter, which HF PEFT has no file for; train with an adapter, or save with mlContext.Model.Save.");
        Directory.CreateDirectory(folder);
        options = options.WriteBeside(adapter, folder);
        var fields = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var (key, value) in options.OtherFields ?? new Dictionary<string, JsonElement>())
        {
            fields[key] = value;
        }

        Default("base_model_name_or_path", baseModel);
        Default("task_type", taskType);
        fields["inference_mode"] = JsonSerializer.SerializeToElement(true); // as HF PEFT: a file is read to predict unless its reader says otherwise
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        SafetensorsWriter.Write(Path.Combine(folder, WeightsFile), Tensors(adapter, inFolder: true), new Dictionary<string, string> { ["format"] = "pt" });
        AtomicFile.Write(
            Path.Combine(folder, ConfigFile), stream => stream.Write(Encoding.UTF8.GetBytes((options with { OtherFields = fields }).ToJson())));

        void Default<T>(string key, T value) => fields.TryAdd(key, JsonSerializer.SerializeToElement(value));
    }

    /// <summary>True for a folder with adapter_config.json.</summary>
    internal static bool IsIn(string folder) => File.Exists(Path.Combine(folder, ConfigFile));

    /// <summary>Reads the settings of an adapter folder.</summary>
    /// <exception cref="ModelFormatException">The file is missing or no valid configuration.</exception>
    public static AdapterOptions ReadOptions(string folder)
    {
        var path = Path.Combine(folder, ConfigFile);
        if (!File.Exists(path))
        {
            throw new ModelFormatException(folder, ModelFormatError.MissingFile, $"the adapter folder has no {ConfigFile}.");
        }

        return AdapterOptions.FromJson(File.ReadAllText(path), path).From(folder) with { IsStored = true };
    }

    /// <summary>Reads the tensors of an adapter folder into an adapter of the same settings.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing, is not known, or has another shape.</exception>
    public static void ReadTensors(AdapterSet adapter, string folder)
    {
        var (path, pickle) = (Path.Combine(folder, WeightsFile), Path.Combine(folder, PickleFile));
        if (!File.Exists(path) && File.Exists(pickle))
        {
            throw UnsafeFormats.Refuse(pickle);
        }

        using var file = SafetensorsReader.Open(path);
        var elsewhere = adapter.Options?.Elsewhere(folder, [.. file.Entries.Keys]);
        if (elsewhere is not { Count: > 0 })
        {
            ReadTensors(adapter, folder, file.Entries, file.ReadInto);
            return;
        }

        var others = elsewhere.Values.Select(e => e.File).Distinct().ToDictionary(other => other, other => SafetensorsReader.Open(other));
        try
        {
            var entries = file.Entries.Concat(elsewhere.Select(e => KeyValuePair.Create(e.Key, others[e.Value.File].Entries[e.Value.Name])));
            ReadTensors(adapter, folder, entries.ToDictionary(StringComparer.Ordinal), (key, tensor) =>
            {
                if (elsewhere.TryGetValue(key, out var place))
                {
                    others[place.File].ReadInto(place.Name, tensor);
                }
                else
                {
                    file.ReadInto(key, tensor);
                }
            });
        }
        finally
        {
            foreach (var other in others.Values)
            {
                other.Dispose();
            }
        }
    }

    internal static void ReadTensors(
        AdapterSet adapter, string name, IReadOnlyDictionary<string, SafetensorsEntry> stored, Action<string, Tensor> readInto)
    {
        var names = AdapterFileNames.Read(adapter, name, stored.Keys);
        var entries = names.ToDictionary(n => n.Key, n => stored[n.Value], StringComparer.Ordinal);
        foreach (var part in adapter.Adapters)
        {
            var start = NamesBelow(adapter, part);
            part.Expect(entries.Where(e => e.Key.StartsWith(start, StringComparison.Ordinal))
                .ToDictionary(e => e.Key[start.Length..], e => e.Value.Shape.ToArray(), StringComparer.Ordinal));
        }

        var companions = Companions(adapter);
        foreach (var (key, part) in BaseWeights(adapter).Where(w => entries.ContainsKey(w.Key)))
        {
            companions.TryAdd(key, (part.Target.FrozenWeight!, part));
        }

        var parameters = adapter.Parameters().ToDictionary(p => p.FileName, p => p.Parameter, StringComparer.Ordinal);
        var required = from part in adapter.Adapters
                       from named in part.named_parameters()
                       where part.IsRequired(named.name)
                       select adapter.FileKey(part, named.name);
        var (missing, surplus) = (required.Except(entries.Keys).ToList(), entries.Keys.Except(parameters.Keys).Except(companions.Keys).ToList());
        Refuse(missing, surplus, ModelFormatError.MissingTensor, "lacks", "The nearest that it has is");
        Refuse(surplus, parameters.Keys, ModelFormatError.UnexpectedTensor, "has what this model has no place for:", "The nearest that the model has a place for is");
        parameters = parameters.Where(p => entries.ContainsKey(p.Key)).ToDictionary(StringComparer.Ordinal);
        foreach (var (key, parameter) in parameters)
        {
            if (!entries[key].Shape.AsSpan().SequenceEqual(parameter.shape))
            {
                throw new ModelFormatException(
                    name,
                    ModelFormatError.ShapeMismatch,
                    $"'{key}' has the shape ({string.Join(", ", entries[key].Shape)}); this model needs ({string.Join(", ", parameter.shape)}).");
            }
        }

        using var _ = no_grad();
        var read = new Dictionary<Tensor, string>(ReferenceEqualityComparer.Instance);
        foreach (var (key, parameter) in parameters)
        {
            if (read.TryAdd(parameter, key))
            {
                ReadInto(key, parameter);
                continue;
            }

            // A tensor that layers share is stored once a layer.
            using var copy = empty_like(parameter);
            ReadInto(key, copy);
            if (!copy.eq(parameter).all().item<bool>())
            {
                throw new ModelFormatException(
                    name, ModelFormatError.InvalidEntry, $"'{read[parameter]}' and '{key}' differ; this method shares one tensor between those layers.");
            }
        }

        foreach (var (key, (tensor, part)) in companions.Where(c => entries.ContainsKey(c.Key)))
        {
            RequireSame(name, key, tensor, part.WrongCompanion, entries[key], ReadInto);
        }

        foreach (var layer in adapter.Adapters)
        {
            layer.Loaded();
        }

        void ReadInto(string key, Tensor tensor) => readInto(names[key], tensor);

        void Refuse(List<string> keys, IEnumerable<string> others, ModelFormatError error, string verb, string nearest)
        {
            keys.Sort(StringComparer.Ordinal);
            if (keys.Count > 0)
            {
                throw new ModelFormatException(
                    name,
                    error,
                    $"it {verb} {string.Join(", ", keys.Take(8))}{(keys.Count > 8 ? $" and {keys.Count - 8} more" : "")}.{AdapterFileNames.Hint(keys[0], others, nearest)}");
            }
        }
    }

    /// <summary>What a file of an adapter holds.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="inFolder">True for the file of an adapter folder, which leaves out what has a folder of its own beside it.</param>
    internal static IEnumerable<KeyValuePair<string, Tensor>> Tensors(AdapterSet adapter, bool inFolder = false)
    {
        foreach (var part in adapter.Adapters)
        {
            part.Saving();
        }

        return (from part in adapter.Adapters
                where !(inFolder && part.IsBeside)
                from written in part.Written()
                select KeyValuePair.Create(adapter.FileKey(part, written.Parameter), written.Tensor))
            .Concat(Companions(adapter).Select(c => KeyValuePair.Create(c.Key, c.Value.Tensor)));
    }

    // Where the base weights of adapted layers would stand. A trained copy has no base, and trained tokens are there to save that space.
    private static IEnumerable<(string Key, LayerAdapter Part)> BaseWeights(AdapterSet adapter)
        => adapter.Options is TrainableTokensOptions or LoraOptions { TrainableTokenIndices: not null } ? []
            : (from part in adapter.Adapters.OfType<LayerAdapter>()
               where part is LinearAdapter or EmbeddingAdapter && !part.KeepsWeight && !TrainedCopy.IsCopy(part)
               select (Key: NamesBelow(adapter, part) + "base_layer.weight", part)).DistinctBy(w => w.Key);

    private static Dictionary<string, (Tensor Tensor, Adapter Part)> Companions(AdapterSet adapter)
        => (from part in adapter.Adapters
            from companion in part.Companions
            select (Key: NamesBelow(adapter, part) + companion.Name, companion.Tensor, Part: part))
            .Concat(from weight in BaseWeights(adapter)
                    where s_tables.Contains(weight.Part.Path.Split('.')[^1])
                    select (weight.Key, Tensor: weight.Part.Target.FrozenWeight!, Part: (Adapter)weight.Part))
            .ToDictionary(c => c.Key, c => (c.Tensor, c.Part), StringComparer.Ordinal);

    private static void RequireSame(string name, string key, Tensor tensor, string meaning, SafetensorsEntry entry, Action<string, Tensor> readInto)
    {
        if (entry.Shape.AsSpan().SequenceEqual(tensor.shape))
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var read = empty_like(tensor);
            readInto(key, read);
            if (read.equal(tensor).all().item<bool>())
            {
                return;
            }
        }

        throw new ModelFormatException(
            name,
            ModelFormatError.HashMismatch,
            $"'{key}' is not what this model has there: {meaning}.");
    }

    // What the names of a part's tensors begin with.
    private static string NamesBelow(AdapterSet adapter, Adapter part) => adapter.FileKey(part, "")[..^part.FileName("").Length];
}
