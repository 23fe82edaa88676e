using Microsoft.ML.Peft.Inputs.Batching;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Tests.Inputs.Vision;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>The loader of docs/guides/inputs.md, as it stands there.</summary>
[TestClass]
public sealed class GuideTests
{
    [TestMethod]
    public void Augmented_pictures_become_numbers()
    {
        var images = ImageProcessor.Load(Path.Combine(TestArchive.GoldenInputs, "images", "clip"));
        var paths = ImageCases.Of("decode").Select(c => ImageCases.PathOf(c.GetProperty("file").GetString()!)).ToList();
        var augmentation = new ImageAugmentation { RandAugmentOperations = 2 };
        var size = images.OutputSize!.Value;
        var loader = new BatchLoader<string, float[]>(
            paths,
            (path, random) =>
            {
                var numbers = new float[3 * size.Height * size.Width];
                images.Normalise(augmentation.Apply(RgbImage.Load(path), size, images.Options.Resampling, random), numbers);
                return numbers;
            },
            options: new LoaderOptions { BatchSize = 32, Seed = 1 });
        var rows = loader.Epoch(0).SelectMany(batch => batch).ToList();
        Assert.HasCount(paths.Count, rows);
        foreach (var row in rows)
        {
            // The darkest and the lightest that CLIP's means and deviations allow.
            Assert.IsTrue(row.Min() > -1.8f && row.Max() < 2.2f && row.Distinct().Count() > 1);
        }
    }
}
