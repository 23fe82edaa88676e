using System.Text.Json;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Vision;

namespace Microsoft.ML.Peft;

/// <summary>An <see cref="ImageTextClassifier"/> in one safetensors file.</summary>
internal sealed class ImageTextPackage : ModelPackage
{
    private const string VersionKey = "peft_ml_image_text";

    private ImageTextPackage(SafetensorsReader file, string name)
        : base(file, name, VersionKey, "classifier of pictures")
    {
        (Settings, Processor) = ReadSettings(adapter =>
        {
            var processor = new ImageProcessor(JsonSerializer.Deserialize<ImageProcessorOptions>(Field("processor"))!);
            var kept = JsonSerializer.Deserialize<Kept>(Field("settings"))!;
            var settings = new ImageTextSettings
            {
                Labels = kept.Labels,
                Templates = kept.Templates,
                LogitScale = kept.LogitScale,
                Seed = kept.Seed,
                Adapter = adapter,
            };
            settings.Validate();
            return (settings, processor);
        });
    }

    public ImageTextSettings Settings { get; }

    public ImageProcessor Processor { get; }

    public static ImageTextPackage Open(ReadOnlyMemory<byte> bytes, string name) => Open(bytes, name, (file, what) => new ImageTextPackage(file, what));

    public static void Write(Stream destination, ImageTextClassifier model, bool includeBase)
    {
        var settings = model.Settings;
        Write(
            destination, VersionKey, new Parts(model.BaseModel, model.Model, model.Tokenizer, settings.Adapter, model.Adapter), includeBase,
            ("processor", JsonSerializer.Serialize(model.Processor.Options)),
            ("settings", JsonSerializer.Serialize(new Kept(settings.Labels, settings.Prompts.Templates, settings.LogitScale, settings.Seed))));
    }

    private sealed record Kept(IReadOnlyList<string> Labels, IReadOnlyList<string> Templates, double? LogitScale, int Seed);
}
