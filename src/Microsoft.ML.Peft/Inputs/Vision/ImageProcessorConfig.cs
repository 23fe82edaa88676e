using System.Text.Json;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Vision.Resizing;

namespace Microsoft.ML.Peft.Inputs.Vision;

/// <summary>Reads <c>preprocessor_config.json</c> of image processors, old ones included; what a file leaves out has its class's default.</summary>
internal static class ImageProcessorConfig
{
    private static readonly double[] ClipMean = [0.48145466, 0.4578275, 0.40821073];
    private static readonly double[] ClipDeviation = [0.26862954, 0.26130258, 0.27577711];

    private static readonly ImageProcessorOptions Square = new() { Size = new(224, 224) };
    private static readonly ImageProcessorOptions Deit = new() { Size = new(256, 256), Crop = new(224, 224), Resampling = Resampling.Bicubic };
    private static readonly ImageProcessorOptions Clip = new()
    {
        ShortestEdge = 224,
        Crop = new(224, 224),
        Resampling = Resampling.Bicubic,
        Mean = ClipMean,
        Deviation = ClipDeviation,
    };

    public static ImageProcessorOptions Read(string file, ReadOnlyMemory<byte> json) => JsonPart.Parse(file, json, Read);

    private static ImageProcessorOptions Read(JsonPart root)
    {
        var type = root.Get("image_processor_type");
        if (type.IsNull)
            type = root.Get("feature_extractor_type");
        var name = type.String();
        var defaults = Kind(name) switch
        {
            "ViT" or "Swin" => Square,
            "DeiT" => Deit,
            "CLIP" or "Bit" => Clip,
            _ => throw type.Error($"is '{name}'; this library has the image processors of ViT, Swin, DeiT, CLIP and Bit (DINOv2).", ModelFormatError.Unsupported),
        };
        var options = ReadSize(root, defaults);
        options = options with
        {
            Crop = root.Get("do_center_crop").Bool(defaults.Crop != null) ? ReadCrop(root.Get("crop_size"), defaults.Crop) : null,
            RescaleFactor = root.Get("do_rescale").Bool(true) ? NumberOr(root.Get("rescale_factor"), 1.0 / 255) : 1,
        };
        options = root.Get("do_normalize").Bool(true)
            ? options with { Mean = Triple(root.Get("image_mean"), defaults.Mean), Deviation = Triple(root.Get("image_std"), defaults.Deviation) }
            : options with { Mean = [0, 0, 0], Deviation = [1, 1, 1] };
        try
        {
            options.Validate();
        }
        catch (ArgumentException e)
        {
            throw root.Error($"has a setting outside its range: {e.Message}");
        }
        return options;
    }

    /// <summary>The model's name in a class name such as <c>ViTImageProcessorFast</c> or <c>ViTFeatureExtractor</c>.</summary>
    private static string Kind(string name)
    {
        foreach (var ending in (string[])["ImageProcessorFast", "ImageProcessorPil", "ImageProcessor", "FeatureExtractor"])
        {
            if (name.EndsWith(ending, StringComparison.Ordinal))
                return name[..^ending.Length];
        }
        return name;
    }

    private static ImageProcessorOptions ReadSize(JsonPart root, ImageProcessorOptions defaults)
    {
        if (!root.Get("do_resize").Bool(true))
            return defaults with { Size = null, ShortestEdge = null };
        var resampling = root.Get("resample").Int((int)defaults.Resampling);
        if (!Enum.IsDefined((Resampling)resampling))
            throw root.Get("resample").Error($"is {resampling}; it must be from 0 to 5.");
        var options = defaults with { Resampling = (Resampling)resampling };
        var size = root.Get("size");
        if (size.IsNull)
            return options;
        if (size.Kind == JsonValueKind.Number)
            return defaults.Size is null ? options with { ShortestEdge = size.Int() } : options with { Size = new(size.Int(), size.Int()) };
        if (!size.Get("height").IsNull && !size.Get("width").IsNull)
            return options with { Size = new(size.Get("width").Int(), size.Get("height").Int()), ShortestEdge = null };
        if (!size.Get("shortest_edge").IsNull && size.Get("longest_edge").IsNull)
            return options with { Size = null, ShortestEdge = size.Get("shortest_edge").Int() };
        throw size.Error("must have height and width, or shortest_edge alone.", ModelFormatError.Unsupported);
    }

    private static ImageSize? ReadCrop(JsonPart crop, ImageSize? fallback)
    {
        if (crop.IsNull)
            return fallback ?? throw crop.Error("is missing and do_center_crop is true.");
        return crop.Kind == JsonValueKind.Number ? new(crop.Int(), crop.Int()) : new(crop.Get("width").Int(), crop.Get("height").Int());
    }

    private static double NumberOr(JsonPart part, double fallback) => part.IsNull ? fallback : part.Number();

    private static IReadOnlyList<double> Triple(JsonPart part, IReadOnlyList<double> fallback)
    {
        if (part.IsNull)
            return fallback;
        if (part.Kind == JsonValueKind.Number)
            return [part.Number(), part.Number(), part.Number()];
        return part.Count == 3 ? [.. part.Elements().Select(e => e.Number())] : throw part.Error($"has {part.Count} numbers; there must be 3.");
    }
}
