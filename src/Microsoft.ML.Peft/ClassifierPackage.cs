using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs.Text;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft;

/// <summary>A classifier in one safetensors file: tensors under <c>base.</c> and <c>adapter.</c>, the rest as metadata.</summary>
/// <remarks>Without its base model it holds the folder's path and a hash of the base weights, by which the base is known again.</remarks>
internal sealed class ClassifierPackage : IDisposable
{
    private const int Version = 1;
    private const string BasePrefix = "base.";
    private const string AdapterPrefix = "adapter.";

    private readonly SafetensorsReader _file;

    private ClassifierPackage(SafetensorsReader file, string name)
    {
        _file = file;
        var written = Field("peft_ml");
        if (!int.TryParse(written, out var version) || version > Version)
        {
            throw new ModelFormatException(
                name, ModelFormatError.VersionTooNew, $"it is of version '{written}'; this library reads up to {Version}. Use a newer one.");
        }

        BaseModel = Field("base_model");
        BaseHash = file.Metadata.GetValueOrDefault("base_sha256");
        Config = ModelConfig.Parse(Field("config"), $"{name}: config");
        Tokenizer = HuggingFaceTokenizer.Parse(Field("tokenizer"), $"{name}: tokenizer");
        var adapter = Field("adapter");
        try
        {
            var settings = JsonSerializer.Deserialize<Kept>(Field("settings"))!;
            Settings = new ClassifierSettings
            {
                Labels = settings.Labels,
                MaxLength = settings.MaxLength,
                Seed = settings.Seed,
                Adapter = adapter.Length == 0 ? null : AdapterOptions.FromJson(adapter, $"{name}: adapter") with { IsStored = true },
            };
            Settings.Validate();
            KeptLayers = settings.NewLayers;
        }
        catch (Exception error) when (error is JsonException or ArgumentException or NullReferenceException)
        {
            throw new ModelFormatException(name, ModelFormatError.InvalidMetadata, $"the settings are damaged: {error.Message}", error);
        }

        BaseEntries = Under(BasePrefix);
        AdapterEntries = Under(AdapterPrefix);

        string Field(string key) => file.Metadata.TryGetValue(key, out var value)
            ? value
            : throw new ModelFormatException(name, ModelFormatError.InvalidMetadata, $"it is no saved classifier: it has no '{key}'.");
    }

    /// <summary>Folder of the base model when it was saved: opened only where the package is without its base.</summary>
    public string BaseModel { get; }

    /// <summary>Hash of the base weights that are not in the package, or null where they are.</summary>
    public string? BaseHash { get; }

    public ModelConfig Config { get; }

    public HuggingFaceTokenizer Tokenizer { get; }

    public ClassifierSettings Settings { get; }

    /// <summary>Layers that are saved with the adapter and not trained.</summary>
    public IReadOnlyList<string> KeptLayers { get; }

    public IReadOnlyDictionary<string, SafetensorsEntry> BaseEntries { get; }

    public IReadOnlyDictionary<string, SafetensorsEntry> AdapterEntries { get; }

    public static ClassifierPackage Open(ReadOnlyMemory<byte> bytes, string name)
    {
        var file = SafetensorsReader.Open(bytes, name);
        try
        {
            return new ClassifierPackage(file, name);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public static void Write(Stream destination, TextClassifier model, bool includeBase)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var adapter = AdapterCheckpoint.Tensors(model.Adapter).Select(t => KeyValuePair.Create(AdapterPrefix + t.Key, t.Value.detach()));
        var settings = model.Settings;
        var metadata = new Dictionary<string, string>
        {
            ["peft_ml"] = $"{Version}",
            ["base_model"] = includeBase ? model.BaseModel : Path.GetFullPath(model.BaseModel),
            ["config"] = model.Model.Backbone.Config.Json,
            ["tokenizer"] = model.Tokenizer.Json,
            ["adapter"] = settings.Adapter?.ToJson() ?? "",
            ["settings"] = JsonSerializer.Serialize(new Kept(settings.Labels, settings.MaxLength, settings.Seed, model.KeptLayers)),
        };
        if (!includeBase)
        {
            metadata["base_sha256"] = HashOf(model.Model);
        }

        var tensors = includeBase ? BaseTensors(model.Model).Select(t => KeyValuePair.Create(BasePrefix + t.Key, t.Value)) : [];
        SafetensorsWriter.Write(destination, tensors.Concat(adapter).ToArray(), metadata);
    }

    /// <summary>SHA-256 over the names and stored numbers of the base model's tensors, new layers left out.</summary>
    public static string HashOf(PretrainedModel model)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, tensor) in BaseTensors(model).Where(t => model.StoredTypes.ContainsKey(t.Key)))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            hash.AppendData(tensor.cpu().bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The tensors of a base model as they were stored.</summary>
    /// <remarks>The stored type is narrower or the same, so going back to it loses nothing.</remarks>
    public static IEnumerable<KeyValuePair<string, Tensor>> BaseTensors(PretrainedModel model)
        => from layer in model.Layers
           from part in layer.NamedTensors()
           select KeyValuePair.Create(
               part.Name, model.StoredTypes.TryGetValue(part.Name, out var type) ? part.Tensor.to(type) : part.Tensor);

    public void ReadBase(string name, Tensor destination) => _file.ReadInto(BasePrefix + name, destination);

    public void ReadAdapter(string name, Tensor destination) => _file.ReadInto(AdapterPrefix + name, destination);

    public void Dispose() => _file.Dispose();

    private Dictionary<string, SafetensorsEntry> Under(string prefix)
        => _file.Entries.Where(e => e.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(e => e.Key[prefix.Length..], e => e.Value, StringComparer.Ordinal);

    private sealed record Kept(IReadOnlyList<string> Labels, int MaxLength, int Seed, IReadOnlyList<string> NewLayers);
}
