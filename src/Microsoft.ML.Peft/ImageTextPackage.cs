using System.Text.Json;
using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Inputs.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft;

/// <summary>An <see cref="ImageTextClassifier"/> in one safetensors file: tensors under <c>base.</c> and <c>adapter.</c>, the rest as metadata.</summary>
/// <remarks>Without its base model it holds the folder's path and a hash of the base weights, by which the base is known again.</remarks>
internal sealed class ImageTextPackage : IDisposable
{
    private const int Version = 1;
    private const string VersionKey = "peft_ml_image_text";
    private const string BasePrefix = "base.";
    private const string AdapterPrefix = "adapter.";

    private readonly SafetensorsReader _file;

    private ImageTextPackage(SafetensorsReader file, string name)
    {
        _file = file;
        var written = Field(VersionKey);
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
            Processor = new ImageProcessor(JsonSerializer.Deserialize<ImageProcessorOptions>(Field("processor"))!);
            var settings = JsonSerializer.Deserialize<Kept>(Field("settings"))!;
            Settings = new ImageTextSettings
            {
                Labels = settings.Labels,
                Templates = settings.Templates,
                LogitScale = settings.LogitScale,
                Seed = settings.Seed,
                Adapter = adapter.Length == 0 ? null : AdapterOptions.FromJson(adapter, $"{name}: adapter") with { IsStored = true },
            };
            Settings.Validate();
        }
        catch (Exception error) when (error is JsonException or ArgumentException or NullReferenceException)
        {
            throw new ModelFormatException(name, ModelFormatError.InvalidMetadata, $"the settings are damaged: {error.Message}", error);
        }

        BaseEntries = Under(BasePrefix);
        AdapterEntries = Under(AdapterPrefix);

        string Field(string key) => file.Metadata.TryGetValue(key, out var value)
            ? value
            : throw new ModelFormatException(name, ModelFormatError.InvalidMetadata, $"it is no saved classifier of pictures: it has no '{key}'.");
    }

    /// <summary>Folder of the base model when it was saved: opened only where the package is without its base.</summary>
    public string BaseModel { get; }

    /// <summary>Hash of the base weights that are not in the package, or null where they are.</summary>
    public string? BaseHash { get; }

    public ModelConfig Config { get; }

    public HuggingFaceTokenizer Tokenizer { get; }

    public ImageProcessor Processor { get; }

    public ImageTextSettings Settings { get; }

    public IReadOnlyDictionary<string, SafetensorsEntry> BaseEntries { get; }

    public IReadOnlyDictionary<string, SafetensorsEntry> AdapterEntries { get; }

    public static ImageTextPackage Open(ReadOnlyMemory<byte> bytes, string name)
    {
        var file = SafetensorsReader.Open(bytes, name);
        try
        {
            return new ImageTextPackage(file, name);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public static void Write(Stream destination, ImageTextClassifier model, bool includeBase)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var adapter = model.Adapter is null ? [] : AdapterCheckpoint.Tensors(model.Adapter).Select(t => KeyValuePair.Create(AdapterPrefix + t.Key, t.Value.detach()));
        var settings = model.Settings;
        var metadata = new Dictionary<string, string>
        {
            [VersionKey] = $"{Version}",
            ["base_model"] = includeBase ? model.BaseModel : Path.GetFullPath(model.BaseModel),
            ["config"] = model.Model.Backbone.Config.Json,
            ["tokenizer"] = model.Tokenizer.Json,
            ["processor"] = JsonSerializer.Serialize(model.Processor.Options),
            ["adapter"] = settings.Adapter?.ToJson() ?? "",
            ["settings"] = JsonSerializer.Serialize(new Kept(settings.Labels, settings.Prompts.Templates, settings.LogitScale, settings.Seed)),
        };
        if (!includeBase)
        {
            metadata["base_sha256"] = ClassifierPackage.HashOf(model.Model);
        }

        var tensors = includeBase ? ClassifierPackage.BaseTensors(model.Model).Select(t => KeyValuePair.Create(BasePrefix + t.Key, t.Value)) : [];
        SafetensorsWriter.Write(destination, tensors.Concat(adapter).ToArray(), metadata);
    }

    public void ReadBase(string name, Tensor destination) => _file.ReadInto(BasePrefix + name, destination);

    public void ReadAdapter(string name, Tensor destination) => _file.ReadInto(AdapterPrefix + name, destination);

    public void Dispose() => _file.Dispose();

    private Dictionary<string, SafetensorsEntry> Under(string prefix)
        => _file.Entries.Where(e => e.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(e => e.Key[prefix.Length..], e => e.Value, StringComparer.Ordinal);

    private sealed record Kept(IReadOnlyList<string> Labels, IReadOnlyList<string> Templates, double? LogitScale, int Seed);
}
