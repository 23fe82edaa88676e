using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Inputs.Vision.Augmentation;
using Microsoft.ML.Peft.Inputs.Vision.Resizing;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Inputs.Vision;

[TestClass]
public sealed class AugmentationTests
{
    [TestMethod]
    public void Changes_are_pillows()
    {
        foreach (var item in ImageCases.Of("adjust"))
        {
            var image = RgbImage.Load(ImageCases.PathOf(item.GetProperty("file").GetString()!));
            var value = item.GetProperty("value").GetDouble();
            var changed = item.GetProperty("op").GetString() switch
            {
                "brightness" => PixelAdjustments.Brightness(image, value),
                "contrast" => PixelAdjustments.Contrast(image, value),
                "saturation" => PixelAdjustments.Saturation(image, value),
                "sharpness" => PixelAdjustments.Sharpness(image, value),
                "hue" => PixelAdjustments.Hue(image, value),
                "posterize" => PixelAdjustments.Posterize(image, (int)value),
                "solarize" => PixelAdjustments.Solarize(image, (int)value),
                "autocontrast" => PixelAdjustments.AutoContrast(image),
                "equalize" => PixelAdjustments.Equalize(image),
                "invert" => PixelAdjustments.Invert(image),
                "flip" => PixelAdjustments.Flip(image),
                "shear_x" => PixelMoves.ShearX(image, value),
                "shear_y" => PixelMoves.ShearY(image, value),
                "translate_x" => PixelMoves.TranslateX(image, (int)value),
                "translate_y" => PixelMoves.TranslateY(image, (int)value),
                "rotate" => PixelMoves.Rotate(image, value),
                var other => throw new NotSupportedException(other),
            };
            Assert.AreEqual(0, ImageCases.Difference(item, changed), item.ToString());
        }
    }

    [TestMethod]
    public void Equal_random_numbers_give_equal_pictures_and_others_do_not()
    {
        var image = RgbImage.Load(ImageCases.PathOf("large.png"));
        var augmentation = new ImageAugmentation { Brightness = 0.4, Contrast = 0.4, Saturation = 0.4, Hue = 0.1, RandAugmentOperations = 2 };
        var seen = new HashSet<string>();
        for (var seed = 0; seed < 50; seed++)
        {
            var (first, second) = (Apply(seed), Apply(seed));
            Assert.AreEqual(first, second);
            seen.Add(first);
        }
        Assert.HasCount(50, seen);

        string Apply(int seed)
        {
            var result = augmentation.Apply(image, new(48, 32), Resampling.Bicubic, new Random(seed));
            Assert.AreEqual((48, 32), (result.Width, result.Height));
            return Convert.ToBase64String(result.ToRgb24());
        }
    }

    [TestMethod]
    public void Without_chances_it_is_the_evaluation_picture()
    {
        var image = RgbImage.Load(ImageCases.PathOf("large.png"));
        var still = new ImageAugmentation { MinArea = 1, MinRatio = 211.0 / 157, MaxRatio = 211.0 / 157, FlipProbability = 0 };
        var expected = Resizer.Resize(image, 64, 64, Resampling.Bilinear).ToRgb24();
        CollectionAssert.AreEqual(expected, still.Apply(image, new(64, 64), Resampling.Bilinear, new Random(3)).ToRgb24());
        var flipped = (still with { FlipProbability = 1 }).Apply(image, new(64, 64), Resampling.Bilinear, new Random(3));
        CollectionAssert.AreEqual(PixelAdjustments.Flip(Resizer.Resize(image, 64, 64, Resampling.Bilinear)).ToRgb24(), flipped.ToRgb24());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => (still with { Hue = 0.6 }).Apply(image, new(4, 4), Resampling.Box, new Random(1)));
    }

    [TestMethod]
    public void Mixed_batches_keep_sums_and_shares()
    {
        using var scope = NewDisposeScope();
        var values = stack([ones(3, 8, 10), zeros(3, 8, 10)]);
        var classes = eye(2);
        for (var seed = 0; seed < 20; seed++)
        {
            foreach (var (pixels, shares) in new[] { BatchMixing.MixUp(values, classes, 0.4, new Random(seed)), BatchMixing.CutMix(values, classes, 1, new Random(seed)) })
            {
                // The first row is ones and zeros mixed: its mean is the share of its own class.
                Assert.AreEqual(shares[0, 0].item<float>(), pixels[0].mean().item<float>(), 1e-5f);
                Assert.AreEqual(1, shares[0].sum().item<float>(), 1e-5f);
                Assert.AreEqual(3 * 8 * 10, pixels.sum().item<float>(), 1e-2f);
            }
            var again = BatchMixing.MixUp(values, classes, 0.4, new Random(seed));
            Assert.IsTrue(again.Values.equal(BatchMixing.MixUp(values, classes, 0.4, new Random(seed)).Values).all().item<bool>());
        }
        Assert.ThrowsExactly<ArgumentException>(() => BatchMixing.MixUp(values, classes[0], 1, new Random(1)));
    }

    [TestMethod]
    public void Lambda_is_beta_distributed()
    {
        using var scope = NewDisposeScope();
        var values = stack([ones(1, 1, 1), zeros(1, 1, 1)]);
        var random = new Random(5);
        double sum = 0, squares = 0;
        const int draws = 4000;
        for (var i = 0; i < draws; i++)
        {
            using var step = NewDisposeScope();
            var share = BatchMixing.MixUp(values, eye(2), 0.4, random).Classes[0, 0].item<float>();
            (sum, squares) = (sum + share, squares + (share * share));
        }
        // Beta(a, a) has the mean 1/2 and the variance 1 / (4·(2a + 1)).
        Assert.AreEqual(0.5, sum / draws, 0.03);
        Assert.AreEqual(1 / (4 * 1.8), (squares / draws) - Math.Pow(sum / draws, 2), 0.01);
    }
}
