using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs.Vision;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures.ZeroShot;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Procedures;

/// <summary>What a few pictures teach.</summary>
[TestClass]
public sealed class FewShotTests : TinyClip
{
    [TestMethod]
    [DataRow("CLIP_SVD")]
    [DataRow("LORA")]
    public void A_few_pictures_teach_both_towers_the_same_numbers_for_the_same_seed(string method)
    {
        var pixels = Shapes();
        var (first, second) = (Trained(), Trained());
        using (first.Set)
        using (second.Set)
        {
            Assert.IsLessThan(first.Report.EpochLosses[0] / 2, first.Report.FinalLoss);
            Assert.AreEqual(30 * 4, first.Report.Steps); // 4 pictures a class
            var (before, after) = (AdapterSet.Create("new", first.Set.Options, Recorded.Model.Backbone, new CopiedModules([], []), 0), first.Set);
            foreach (var ((name, parameter), (_, other), (_, start)) in after.Parameters().Zip(second.Set.Parameters(), before.Parameters()))
            {
                Assert.IsTrue(parameter.bytes.SequenceEqual(other.bytes), name);
                Assert.AreEqual(parameter.requires_grad, !parameter.bytes.SequenceEqual(start.bytes), name); // U and V keep their bits; both towers learn
            }
        }

        (AdapterSet Set, TrainingReport Report) Trained()
        {
            var options = AdapterOptions.FromJson($"{{\"peft_type\": \"{method}\"}}", "test");
            var set = AdapterSet.Create("new", options, Recorded.Model.Backbone, new CopiedModules([], []), 0);
            using var classifier = Classifier(set);
            var zeroShot = classifier.Accuracy(pixels, Labels);
            var report = FewShotTraining.Fit(classifier, pixels, Labels, new FewShotOptions { StepsPerShot = 30, BatchSize = 5, LearningRate = 3e-2 });
            Assert.IsGreaterThan(Math.Max(zeroShot, 0.9), classifier.Accuracy(pixels, Labels)); // the vectors of the classes are computed anew
            return (set, report);
        }
    }

    [TestMethod]
    public void Without_an_adapter_on_texts_their_vectors_are_computed_once_and_stay()
    {
        using var set = AdapterSet.Create("new", new ClipSvdOptions { TrainsTexts = false }, Recorded.Model.Backbone, new CopiedModules([], []), 0);
        var losses = new List<double>();
        using var classifier = Classifier(set);
        FewShotTraining.Fit(classifier, Shapes(), Labels, new FewShotOptions { StepsPerShot = 10, LearningRate = 1e-2 }, (_, loss) => losses.Add(loss));
        Assert.HasCount(40, losses);
        Assert.IsLessThan(losses[0], losses[^1]);
        using var bare = Classifier(null);
        using var _ = no_grad();
        using var with = ForwardContext.Predicting(set);
        using var without = ForwardContext.Predicting();
        Assert.IsTrue(classifier.ClassVectors(with).bytes.SequenceEqual(bare.ClassVectors(without).bytes));
    }

    [TestMethod]
    public void The_rate_falls_along_one_wave_over_the_run_and_shots_are_counted_to_a_limit()
    {
        var options = new FewShotOptions();
        Assert.AreEqual(5e-4, options.LearningRateAt(0, 3200), 1e-12);
        Assert.AreEqual((5e-4 + 1e-6) / 2, options.LearningRateAt(1600, 3200), 1e-12);
        Assert.AreEqual(1e-6, options.LearningRateAt(3200, 3200), 1e-12);
        Assert.AreEqual(3200, options.StepsOf(16));
        Assert.AreEqual(400, new FewShotOptions { MostCountedShots = 2 }.StepsOf(16));
        CollectionAssert.AreEqual(FewShotSample.Draw(Labels, 2, 5), FewShotSample.Draw(Labels, 2, 5));
        var sample = FewShotSample.Draw(Labels, 2, 6);
        CollectionAssert.AreEqual(new[] { 0, 0, 1, 1, 2, 2 }, sample.Select(k => Labels[k]).ToArray());
        Assert.AreEqual(6, sample.Distinct().Count());
        Assert.ThrowsExactly<ArgumentException>(() => FewShotSample.Draw(Labels, 5, 0));
    }

    [TestMethod]
    public void Epochs_count_the_steps_in_place_of_shots_and_may_bend_the_rate_as_the_authors_code_does()
    {
        using var set = AdapterSet.Create("new", new ClipSvdOptions(), Recorded.Model.Backbone, new CopiedModules([], []), 0);
        using var classifier = Classifier(set);
        var options = new FewShotOptions { Epochs = 4, BatchSize = 5 };
        Assert.AreEqual(4 * 3, FewShotTraining.Fit(classifier, Shapes(), Labels, options).Steps); // 12 pictures
        Assert.AreEqual(1e-6, options.LearningRateAt(12, 12), 1e-12);
        var compat = options with { Compat = true };
        double[] expected = [5e-4, 4.2692e-4, 2.505e-4, 7.408e-5, 1e-6, 7.408e-5, 2.505e-4, 4.2692e-4, 5e-4, 4.2692e-4]; // torch's CosineAnnealingLR, T_max = 4
        for (var step = 0; step < expected.Length; step++)
        {
            Assert.AreEqual(expected[step], compat.LearningRateAt(step, 12), 1e-8);
        }

        Assert.Contains("set Epochs", Assert.ThrowsExactly<ArgumentException>(() => new FewShotOptions { Compat = true }.Validate()).Message);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new FewShotOptions { Epochs = 0 }.Validate());
    }

    [TestMethod]
    public void Pictures_are_cut_and_mirrored_anew_for_each_step_from_the_seed()
    {
        var image = RgbImage.FromPixels(Enumerable.Range(0, 20 * 24 * 3).Select(k => (byte)(k % 251)).ToArray(), 24, 20, PixelFormat.Rgb24);
        var processor = new ImageProcessor(new ImageProcessorOptions { Size = new(16, 16) });
        var pictures = new FewShotPictures([image, image], processor);
        var random = new Random(3);
        var (first, second, again) = (pictures.Of([0, 1], random), pictures.Of([0, 1], random), pictures.Of([0, 1], new Random(3)));
        CollectionAssert.AreEqual(new long[] { 2, 3, 16, 16 }, first.shape);
        Assert.IsFalse(first.equal(second).all().item<bool>());
        Assert.IsTrue(first.equal(again).all().item<bool>());
        var plain = new FewShotPictures([image], processor, new ImageAugmentation { MinArea = 1, MaxArea = 1, MinRatio = 1.2, MaxRatio = 1.2, FlipProbability = 0 });
        Golden.Close.Assert(processor.Batch([image]), plain.Of([0], random), "the whole picture");
    }

    [TestMethod]
    public void Methods_that_need_more_than_its_steps_are_refused()
    {
        Assert.Contains("AdapterStart.Measure", Refused(new LoraOptions { Start = LoraStart.Eva }));
        Assert.Contains("steps before the training", Refused(new DiffoRaOptions()));

        string Refused(AdapterOptions options)
        {
            using var set = AdapterSet.Create("new", options, Recorded.Model.Backbone, new CopiedModules([], []), 0);
            using var classifier = Classifier(set);
            return Assert.ThrowsExactly<PeftException>(() => FewShotTraining.Fit(classifier, Shapes(), Labels, new FewShotOptions())).Message;
        }
    }
}
