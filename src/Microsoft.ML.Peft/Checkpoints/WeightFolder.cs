using System.Text.Json;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>The weights of a Hugging Face model folder: one safetensors file, or an index and its shards.</summary>
/// <remarks>Safe to use from several threads.</remarks>
public sealed class WeightFolder : IDisposable
{
    private const string SingleName = "model.safetensors";
    private const string IndexName = "model.safetensors.index.json";
    private const long MaxIndexBytes = 100_000_000;

    private readonly List<SafetensorsReader> _readers = [];
    private readonly Dictionary<string, SafetensorsEntry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SafetensorsReader> _readerOf = new(StringComparer.Ordinal);
    private readonly string _folder;

    private WeightFolder(string folder) => _folder = folder;

    /// <summary>All tensors of all files by name. An entry's offset counts within its own file.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <summary>Opens <c>model.safetensors</c>, or the shards that <c>model.safetensors.index.json</c> names.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <exception cref="ModelFormatException">No weights, only unsafe ones, or damaged ones; a file name that leaves the folder.</exception>
    public static WeightFolder Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder))
            throw new ModelFormatException(folder, ModelFormatError.MissingFile, "no such folder.");
        var weights = new WeightFolder(folder);
        try
        {
            if (IsThere(folder, SingleName))
                weights.AddFile(BareFileName.Resolve(folder, SingleName, folder));
            else if (IsThere(folder, IndexName))
                weights.AddShards(BareFileName.Resolve(folder, IndexName, folder));
            else
                throw NoWeights(folder);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>A new CPU tensor of the stored shape and number type, which no dispose scope owns.</summary>
    /// <exception cref="ModelFormatException">No file of the folder has a tensor of this name.</exception>
    public Tensor Read(string name) => Find(name).Read(name);

    /// <summary>Overwrites a tensor of the same shape with a stored one, converting the number type where it differs.</summary>
    /// <exception cref="ModelFormatException">No file of the folder has a tensor of this name, or it has another shape.</exception>
    public void ReadInto(string name, Tensor destination) => Find(name).ReadInto(name, destination);

    /// <summary>Closes all files.</summary>
    public void Dispose()
    {
        foreach (var reader in _readers)
            reader.Dispose();
    }

    private static bool IsThere(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return Path.Exists(path) || new FileInfo(path).LinkTarget != null;
    }

    private static ModelFormatException NoWeights(string folder)
    {
        var pickle = Directory.EnumerateFiles(folder).FirstOrDefault(path => UnsafeFormats.IsPickleName(path) && !path.EndsWith("training_args.bin", StringComparison.Ordinal));
        return pickle != null
            ? UnsafeFormats.Refuse(pickle)
            : new ModelFormatException(folder, ModelFormatError.MissingFile, $"there is neither {SingleName} nor {IndexName} in the folder.");
    }

    private SafetensorsReader Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _readerOf.TryGetValue(name, out var reader)
            ? reader
            : throw new ModelFormatException(_folder, ModelFormatError.MissingTensor, $"there is no tensor '{name}' among its {_entries.Count}.");
    }

    private SafetensorsReader OpenFile(string path)
    {
        var reader = SafetensorsReader.Open(path);
        _readers.Add(reader);
        return reader;
    }

    private void AddFile(string path)
    {
        var reader = OpenFile(path);
        foreach (var (name, entry) in reader.Entries)
        {
            _entries.Add(name, entry);
            _readerOf.Add(name, reader);
        }
    }

    private void AddShards(string indexPath)
    {
        var (shardOf, totalSize) = ReadIndex(indexPath);
        var bytes = 0L;
        foreach (var group in shardOf.GroupBy(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var path = BareFileName.Resolve(_folder, group.Key, indexPath);
            if (!Path.Exists(path))
                throw new ModelFormatException(indexPath, ModelFormatError.MissingShard, $"the index names '{group.Key}', which is not in the folder; fetch the missing file.");
            var reader = OpenFile(path);
            foreach (var (name, entry) in reader.Entries)
            {
                if (!shardOf.TryGetValue(name, out var home))
                    throw new ModelFormatException(path, ModelFormatError.UnexpectedTensor, $"tensor '{name}' is not in the index.");
                if (home != group.Key)
                    throw new ModelFormatException(path, ModelFormatError.DuplicateKey, $"tensor '{name}' is here, and the index says it is in '{home}'.");
                _entries.Add(name, entry);
                _readerOf.Add(name, reader);
                bytes += entry.Length;
            }
            foreach (var name in group)
            {
                if (!reader.Entries.ContainsKey(name))
                    throw new ModelFormatException(path, ModelFormatError.MissingTensor, $"the index says that tensor '{name}' is here, and it is not.");
            }
        }
        if (totalSize is { } stated && stated != bytes)
            throw new ModelFormatException(indexPath, ModelFormatError.SizeMismatch, $"metadata.total_size is {stated} and the shards hold {bytes} bytes of tensors.");
    }

    private static (Dictionary<string, string> ShardOf, long? TotalSize) ReadIndex(string path)
    {
        var text = RegularFile.ReadAll(path, MaxIndexBytes);
        try
        {
            using var json = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 16 });
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw new ModelFormatException(path, ModelFormatError.InvalidEntry, "the index must be an object with a 'weight_map' object.");
            var shardOf = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var property in map.EnumerateObject())
            {
                if (property.Value.ValueKind != JsonValueKind.String)
                    throw new ModelFormatException(path, ModelFormatError.InvalidEntry, $"weight_map['{property.Name}'] must be a file name.");
                shardOf.Add(property.Name, property.Value.GetString()!);
            }
            if (shardOf.Count is 0 or > SafetensorsHeader.MaxTensors)
                throw new ModelFormatException(path, ModelFormatError.LimitExceeded, $"weight_map has {shardOf.Count} tensors; 1 to {SafetensorsHeader.MaxTensors} are allowed.");
            return (shardOf, TotalSize(path, json.RootElement));
        }
        catch (JsonException e)
        {
            var repeated = e.Message.Contains("uplicate", StringComparison.Ordinal);
            throw new ModelFormatException(path, repeated ? ModelFormatError.DuplicateKey : ModelFormatError.InvalidJson, repeated ? "the index names a tensor twice." : "the index is not valid JSON.", e);
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFormatException(path, ModelFormatError.InvalidUtf8, "the index has text that is no valid UTF-8.", e);
        }
    }

    private static long? TotalSize(string path, JsonElement root)
    {
        if (!root.TryGetProperty("metadata", out var metadata) || metadata.ValueKind != JsonValueKind.Object || !metadata.TryGetProperty("total_size", out var size))
            return null;
        // Some writers note it as 123.0.
        if (size.ValueKind == JsonValueKind.Number && size.TryGetDouble(out var number) && number is >= 0 and < 1e18 && Math.Floor(number) == number)
            return (long)number;
        throw new ModelFormatException(path, ModelFormatError.InvalidEntry, "metadata.total_size must be a whole number of bytes.");
    }
}
