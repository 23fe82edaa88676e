using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Vision;
using static TorchSharp.torch;

namespace Peft.Golden.Inputs;

/// <summary>Compares image processors with recorded pixels, in grey levels of 0 to 255.</summary>
internal static class ImageComparison
{
    private const string Decoded = ".decoded";
    private const double MostLevels = 1 + 1e-3; // beside the level some rounding of the normalised numbers
    private const double MostJpegLevels = 2;

    public static IEnumerable<InputResult> Run(string folder)
    {
        var path = Path.Combine(folder, "expected.safetensors");
        if (!File.Exists(path))
            yield break;
        using var recorded = SafetensorsReader.Open(path);
        foreach (var key in recorded.Entries.Keys.Order(StringComparer.Ordinal))
        {
            var group = key.Contains('/') ? $"images/{key[..key.IndexOf('/')]}" : "images";
            yield return InputComparison.Try(group, key[(key.IndexOf('/') + 1)..], () => Compare(folder, key, recorded));
        }
    }

    private static string Compare(string folder, string key, SafetensorsReader recorded)
    {
        using var scope = NewDisposeScope();
        var expected = recorded.Read(key);
        if (key.EndsWith(Decoded, StringComparison.Ordinal))
        {
            var image = RgbImage.Load(Path.Combine(folder, key[..^Decoded.Length]));
            return Difference(expected, tensor(image.ToRgb24(), ScalarType.Byte).reshape(image.Height, image.Width, 3), MostJpegLevels, 1);
        }
        if (key.Split('/') is not [var processorName, var file])
            throw new NotSupportedException("its name has not the form processor/file or file.decoded.");
        var processor = ImageProcessor.Load(Path.Combine(folder, processorName));
        using var deviations = tensor(processor.Options.Deviation.Select(d => (float)(d / processor.Options.RescaleFactor)).ToArray()).reshape(3, 1, 1);
        var isJpeg = Path.GetExtension(file) is ".jpg" or ".jpeg";
        return Difference(
            expected, processor.Batch([RgbImage.Load(Path.Combine(folder, file))])[0], isJpeg ? MostJpegLevels : MostLevels, deviations);
    }

    private static string Difference(Tensor expected, Tensor actual, double most, Tensor levels)
    {
        if (!expected.shape.AsSpan().SequenceEqual(actual.shape))
            return $"the shape is ({string.Join(", ", actual.shape)}), recorded is ({string.Join(", ", expected.shape)})";
        var difference = ((expected.to(float64) - actual.to(float64)).abs() * levels).max().item<double>();
        return difference <= most ? "" : FormattableString.Invariant($"differs by {difference:0.###} grey levels; at most {most:0.#} are allowed");
    }
}
