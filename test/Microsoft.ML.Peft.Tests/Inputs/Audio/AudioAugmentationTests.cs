using Microsoft.ML.Peft.Inputs.Audio;

namespace Microsoft.ML.Peft.Tests.Inputs.Audio;

[TestClass]
public sealed class AudioAugmentationTests
{
    [TestMethod]
    public void Crops_are_parts_of_the_clip()
    {
        var samples = Enumerable.Range(0, 1000).Select(i => i / 1000f).ToArray();
        var clip = AudioClip.FromSamples(samples, 100);
        var crop = new AudioAugmentation { CropSeconds = 2 };
        var starts = new HashSet<float>();
        for (var seed = 0; seed < 30; seed++)
        {
            var part = crop.Crop(clip, new Random(seed));
            Assert.AreEqual(200, part.Samples.Length);
            CollectionAssert.AreEqual(samples[(int)MathF.Round(part.Samples[0] * 1000)..][..200], part.Samples.ToArray());
            CollectionAssert.AreEqual(part.Samples.ToArray(), crop.Crop(clip, new Random(seed)).Samples.ToArray());
            starts.Add(part.Samples[0]);
        }
        Assert.IsGreaterThan(20, starts.Count);
        Assert.AreSame(clip, (crop with { CropSeconds = 20 }).Crop(clip, new Random(1)));
        Assert.AreSame(clip, new AudioAugmentation().Crop(clip, new Random(1)));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => (crop with { CropSeconds = 0 }).Crop(clip, new Random(1)));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Masks_blank_whole_stretches(bool timeIsRows)
    {
        var features = new AudioFeatures([.. Enumerable.Range(0, 40 * 30).Select(i => (float)i)], 40, 30);
        var mean = features.Values.Average();
        var options = new AudioAugmentation { TimeMasks = 1, TimeMaskFrames = 6 };
        var widths = new HashSet<int>();
        for (var seed = 0; seed < 60; seed++)
        {
            var masked = options.Mask(features, timeIsRows, new Random(seed));
            CollectionAssert.AreEqual(masked.Values, options.Mask(features, timeIsRows, new Random(seed)).Values);
            var blank = Enumerable.Range(0, timeIsRows ? 40 : 30).Where(k => Line(masked, k).All(v => Math.Abs(v - mean) < 0.01)).ToArray();
            var changed = Enumerable.Range(0, timeIsRows ? 40 : 30).Where(k => !Line(masked, k).SequenceEqual(Line(features, k))).ToArray();
            CollectionAssert.AreEqual(blank, changed);
            Assert.IsTrue(blank.Length <= 6 && (blank.Length == 0 || blank[^1] - blank[0] == blank.Length - 1));
            widths.Add(blank.Length);
        }
        Assert.HasCount(7, widths);
        var both = (options with { BandMasks = 2, BandMaskWidth = 5 }).Mask(features, timeIsRows, new Random(1));
        Assert.IsFalse(both.Values.SequenceEqual(options.Mask(features, timeIsRows, new Random(1)).Values));

        IEnumerable<float> Line(AudioFeatures of, int k) => timeIsRows
            ? of.Values.Skip(k * 30).Take(30)
            : Enumerable.Range(0, 40).Select(row => of.Values[(row * 30) + k]);
    }
}
