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

/// <summary>A model in one safetensors file: tensors under <c>base.</c> and <c>adapter.</c>, the rest as metadata.</summary>
/// <remarks>Without its base model it holds the folder's path and a hash of the base weights, by which the base is known again.</remarks>
internal abstract class ModelPackage : IDisposable
{
    private const int Version = 1;
    private const string BasePrefix = "base.";
    private const string AdapterPrefix = "adapter.";

    private readonly SafetensorsReader _file;
    private readonly string _name;
    private readonly string _kind;

    /// <summary>Reads what every package has.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="versionKey">Entry of the version, by which the kinds of packages are told apart.</param>
    /// <param name="kind">What errors call a package of this kind.</param>
    /// <exception cref="ModelFormatException">It is of another kind, or of a later version.</exception>
    protected ModelPackage(SafetensorsReader file, string name, string versionKey, string kind)
    {
        (_file, _name, _kind) = (file, name, kind);
        var written = Field(versionKey);
        if (!int.TryParse(written, out var version) || version > Version)
        {
            throw new ModelFormatException(
                name, ModelFormatError.VersionTooNew, $"it is of version '{written}'; this library reads up to {Version}. Use a newer one.");
        }

        BaseModel = Field("base_model");
        BaseHash = file.Metadata.GetValueOrDefault("base_sha256");
        Config = ModelConfig.Parse(Field("config"), $"{name}: config");
        Tokenizer = HuggingFaceTokenizer.Parse(Field("tokenizer"), $"{name}: tokenizer");
        BaseEntries = Under(BasePrefix);
        AdapterEntries = Under(AdapterPrefix);
    }

    /// <summary>Folder of the base model when it was saved: opened only where the package is without its base.</summary>
    public string BaseModel { get; }

    /// <summary>Hash of the base weights that are not in the package, or null where they are.</summary>
    public string? BaseHash { get; }

    public ModelConfig Config { get; }

    public HuggingFaceTokenizer Tokenizer { get; }

    public IReadOnlyDictionary<string, SafetensorsEntry> BaseEntries { get; }

    public IReadOnlyDictionary<string, SafetensorsEntry> AdapterEntries { get; }

    /// <exception cref="ModelFormatException">The package is without its base, and that of <paramref name="folder"/> is another one.</exception>
    public void CheckBase(PretrainedModel model, string folder)
    {
        if (BaseHash is { } hash && hash != HashOf(model))
        {
            throw new ModelFormatException(
                folder, ModelFormatError.HashMismatch, $"this is not the base model that {_name} was trained on; give the folder of that one.");
        }
    }

    public void ReadBase(string name, Tensor destination) => _file.ReadInto(BasePrefix + name, destination);

    public void ReadAdapter(string name, Tensor destination) => _file.ReadInto(AdapterPrefix + name, destination);

    public void Dispose() => _file.Dispose();

    /// <summary>Opens a file, which is closed again where it is no package.</summary>
    protected static T Open<T>(ReadOnlyMemory<byte> bytes, string name, Func<SafetensorsReader, string, T> read)
    {
        var file = SafetensorsReader.Open(bytes, name);
        try
        {
            return read(file, name);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes what every package has, and more.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="versionKey">Entry of the version.</param>
    /// <param name="parts">The model.</param>
    /// <param name="includeBase">False to leave the base weights out.</param>
    /// <param name="more">Entries of this kind of package.</param>
    protected static void Write(Stream destination, string versionKey, Parts parts, bool includeBase, params IReadOnlyList<(string Key, string Value)> more)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var metadata = new Dictionary<string, string>
        {
            [versionKey] = $"{Version}",
            ["base_model"] = includeBase ? parts.BaseModel : Path.GetFullPath(parts.BaseModel),
            ["config"] = parts.Model.Backbone.Config.Json,
            ["tokenizer"] = parts.Tokenizer.Json,
            ["adapter"] = parts.Options?.ToJson() ?? "",
        };
        foreach (var (key, value) in more)
        {
            metadata[key] = value;
        }

        if (!includeBase)
        {
            metadata["base_sha256"] = HashOf(parts.Model);
        }

        var tensors = includeBase ? BaseTensors(parts.Model).Select(t => KeyValuePair.Create(BasePrefix + t.Key, t.Value)) : [];
        var adapter = parts.Adapter is null ? [] : AdapterCheckpoint.Tensors(parts.Adapter).Select(t => KeyValuePair.Create(AdapterPrefix + t.Key, t.Value.detach()));
        SafetensorsWriter.Write(destination, tensors.Concat(adapter).ToArray(), metadata);
    }

    /// <exception cref="ModelFormatException">There is no such entry.</exception>
    protected string Field(string key) => _file.Metadata.TryGetValue(key, out var value)
        ? value
        : throw new ModelFormatException(_name, ModelFormatError.InvalidMetadata, $"it is no saved {_kind}: it has no '{key}'.");

    /// <summary>Reads the settings, to which those of the adapter are given.</summary>
    /// <exception cref="ModelFormatException">They are damaged.</exception>
    protected T ReadSettings<T>(Func<AdapterOptions?, T> read)
    {
        var adapter = Field("adapter");
        try
        {
            return read(adapter.Length == 0 ? null : AdapterOptions.FromJson(adapter, $"{_name}: adapter") with { IsStored = true });
        }
        catch (Exception error) when (error is JsonException or ArgumentException or NullReferenceException)
        {
            throw new ModelFormatException(_name, ModelFormatError.InvalidMetadata, $"the settings are damaged: {error.Message}", error);
        }
    }

    // SHA-256 over the names and stored numbers of the base model's tensors, new layers left out.
    private static string HashOf(PretrainedModel model)
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

    // The tensors of a base model as they were stored. The stored type is narrower or the same, so going back to it loses nothing.
    private static IEnumerable<KeyValuePair<string, Tensor>> BaseTensors(PretrainedModel model)
        => from layer in model.Layers
           from part in layer.NamedTensors()
           select KeyValuePair.Create(
               part.Name, model.StoredTypes.TryGetValue(part.Name, out var type) ? part.Tensor.to(type) : part.Tensor);

    private Dictionary<string, SafetensorsEntry> Under(string prefix)
        => _file.Entries.Where(e => e.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(e => e.Key[prefix.Length..], e => e.Value, StringComparer.Ordinal);

    /// <summary>What of a model every package keeps.</summary>
    /// <param name="BaseModel">Folder of the base model.</param>
    /// <param name="Model">The base model.</param>
    /// <param name="Tokenizer">Its tokenizer.</param>
    /// <param name="Options">Settings of the adapter, or null.</param>
    /// <param name="Adapter">The adapter, or null.</param>
    protected sealed record Parts(string BaseModel, PretrainedModel Model, HuggingFaceTokenizer Tokenizer, AdapterOptions? Options, AdapterSet? Adapter);
}
