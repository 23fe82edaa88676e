using System.Text.Json;
using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft;

/// <summary>A <see cref="TextClassifier"/> in one safetensors file.</summary>
internal sealed class ClassifierPackage : ModelPackage
{
    private const string VersionKey = "peft_ml";

    private ClassifierPackage(SafetensorsReader file, string name)
        : base(file, name, VersionKey, "classifier")
    {
        (Settings, KeptLayers) = ReadSettings(adapter =>
        {
            var kept = JsonSerializer.Deserialize<Kept>(Field("settings"))!;
            var settings = new ClassifierSettings { Labels = kept.Labels, MaxLength = kept.MaxLength, Seed = kept.Seed, Adapter = adapter };
            settings.Validate();
            return (settings, kept.NewLayers);
        });
    }

    public ClassifierSettings Settings { get; }

    /// <summary>Layers that are saved with the adapter and not trained.</summary>
    public IReadOnlyList<string> KeptLayers { get; }

    public static ClassifierPackage Open(ReadOnlyMemory<byte> bytes, string name) => Open(bytes, name, (file, what) => new ClassifierPackage(file, what));

    public static void Write(Stream destination, TextClassifier model, bool includeBase)
    {
        var settings = model.Settings;
        Write(
            destination, VersionKey, new Parts(model.BaseModel, model.Model, model.Tokenizer, settings.Adapter, model.Adapter), includeBase,
            ("settings", JsonSerializer.Serialize(new Kept(settings.Labels, settings.MaxLength, settings.Seed, model.KeptLayers))));
    }

    private sealed record Kept(IReadOnlyList<string> Labels, int MaxLength, int Seed, IReadOnlyList<string> NewLayers);
}
