using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures.ZeroShot;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Procedures;

/// <summary>Classes by texts.</summary>
[TestClass]
public sealed class ZeroShotTests : TinyClip
{
    [TestMethod]
    public void Texts_of_the_classes_give_the_logits_of_Hugging_Face()
    {
        using var classifier = new ZeroShotClassifier(Recorded.Model, new(["0", "1", "2"], ["{}"]), RecordedText, Pad);
        var (expected, pixels) = (Recorded.Expected(), Recorded.Inputs.Values!);
        using var _ = no_grad();
        using var context = ForwardContext.Predicting();

        var vectors = classifier.ClassVectors(context);
        Golden.Close.Assert(expected["text_embeds"], vectors, "class vectors");
        Golden.Close.Assert(expected["logits_per_image"], classifier.Logits(pixels, vectors, context), "logits");
        Golden.Close.Assert(expected["logits_per_image"].softmax(1), classifier.Predict(pixels), "probabilities");
        var best = expected["logits_per_image"].argmax(1).data<long>().Select(c => (int)c).ToArray();
        Assert.AreEqual(1, classifier.Accuracy(pixels, best));
        Assert.AreEqual(2 / 3.0, classifier.Accuracy(pixels, [best[0], (best[1] + 1) % 3, best[2]]), 1e-12);
    }

    [TestMethod]
    public void Several_templates_are_averaged_and_brought_to_length_1()
    {
        using var classifier = new ZeroShotClassifier(Recorded.Model, new(["0", "1"], ["{}", "{}+1"]), text => RecordedText($"{text.Split('+').Sum(int.Parse)}"), Pad, logitScale: 100);
        var recorded = Recorded.Expected()["text_embeds"]; // of length 1 each
        var mean = stack([recorded[0] + recorded[1], recorded[1] + recorded[2]]);
        var expected = mean / mean.norm(1, keepdim: true);
        using var _ = no_grad();
        using var context = ForwardContext.Predicting();

        Golden.Close.Assert(expected, classifier.ClassVectors(context), "class vectors");
        Golden.Close.Assert(Recorded.Expected()["image_embeds"].mm(expected.t()).mul(100), classifier.Logits(Recorded.Inputs.Values!, expected, context), "logits");
    }

    [TestMethod]
    public void A_saved_spectrum_gives_the_same_classifier_again()
    {
        using var set = AdapterSet.Create("new", new ClipSvdOptions(), Recorded.Model.Backbone, new CopiedModules([], []), 0);
        Assert.AreEqual(2 * 2 * 6 * 32, set.TrainableCount);
        using var classifier = Classifier(set);
        FewShotTraining.Fit(classifier, Shapes(), Labels, new FewShotOptions { StepsPerShot = 3, LearningRate = 1e-2 });
        var folder = Directory.CreateTempSubdirectory("peft-clip-").FullName;
        try
        {
            AdapterCheckpoint.Write(set, folder, null, "clip");
            using var fresh = GoldenModel.Load(new(GoldenFolder.Root, "clip", null));
            using var again = fresh.ReadAdapter(folder, "again");
            using var other = new ZeroShotClassifier(fresh.Model, classifier.Prompts, RecordedText, Pad, again, 100);
            Golden.Close.Assert(classifier.Predict(Shapes()), other.Predict(Shapes()), "probabilities", 1e-4);
            using (again.Merge())
            {
                using var merged = new ZeroShotClassifier(fresh.Model, classifier.Prompts, RecordedText, Pad, null, 100);
                Golden.Close.Assert(classifier.Predict(Shapes()), merged.Predict(Shapes()), "merged", 1e-4);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void What_does_not_fit_is_refused()
    {
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ClassPrompts(["a", "b"], ["a photo"])).Message, "{}");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ClassPrompts(["a", "a"])).Message, "'a', 'a'");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ZeroShotClassifier(Recorded.Model, new(["a", "b"]), _ => new int[41], Pad)).Message, "41 tokens");
        using var bert = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new ZeroShotClassifier(bert.Model, new(["a", "b"]), RecordedText, Pad)).Message, "'bert'");
        using var bare = Classifier(null);
        Assert.ThrowsExactly<PeftException>(() => FewShotTraining.Fit(bare, Shapes(), Labels, new FewShotOptions()));
        using var set = AdapterSet.Create("new", new ClipSvdOptions(), Recorded.Model.Backbone, new CopiedModules([], []), 0);
        using var classifier = Classifier(set);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => FewShotTraining.Fit(classifier, Shapes(), [.. Labels[..11], 3], new FewShotOptions())).Message, "A label is 3");
        Assert.ThrowsExactly<ArgumentException>(() => FewShotTraining.Fit(classifier, Shapes(), [0], new FewShotOptions()));
        Assert.ThrowsExactly<OperationCanceledException>(() => FewShotTraining.Fit(classifier, Shapes(), Labels, new FewShotOptions(), cancellation: new(true)));
    }
}
