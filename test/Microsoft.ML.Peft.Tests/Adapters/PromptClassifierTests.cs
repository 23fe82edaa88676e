using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Training;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>A classifier with trained tokens or bottlenecks from training to a saved model.</summary>
[TestClass]
public sealed class PromptClassifierTests
{
    private static readonly string[] s_labels = ["animal", "colour", "number"];
    private static readonly string[][] s_words = [["cat", "dog"], ["red", "blue"], ["one", "two"]];

    [TestMethod]
    [DataRow("prompt")]
    [DataRow("p-tuning")]
    [DataRow("prefix")]
    [DataRow("text")]
    [DataRow("compacter")]
    public void It_learns_and_a_saved_model_predicts_the_same(string method)
    {
        using var folder = new TinyBert();
        AdapterOptions options = method switch
        {
            "prompt" => new PromptTuningOptions { VirtualTokens = 2 },
            "p-tuning" => new PTuningOptions { VirtualTokens = 2, HiddenSize = 8 },
            "prefix" => new PrefixTuningOptions { VirtualTokens = 2, Projects = true, HiddenSize = 8 },
            "text" => new PromptTuningOptions { VirtualTokens = 2, Start = PromptStart.Text, StartText = "the", Tokenizer = "tiny" },
            _ => new CompacterOptions { ReductionFactor = 2, Dimension = 2 },
        };
        using var model = TextClassifier.Load(folder.Folder, new() { Labels = s_labels, Adapter = options });
        var rows = Enumerable.Range(0, 24).Select(k => new TextExample($"the {s_words[k % 3][k / 3 % 2]}", k % 3)).ToArray();

        var report = Trainer.Fit(model, rows, new() { Epochs = 10, BatchSize = 8, LearningRate = 3e-2 });

        Assert.IsLessThan(report.EpochLosses[0], report.FinalLoss);
        using var stream = new MemoryStream();
        model.Save(stream);
        using var loaded = TextClassifier.Load(stream.ToArray(), "package");
        var texts = rows.Select(r => r.Text).ToArray();
        foreach (var (was, now) in model.Predict(texts).Zip(loaded.Predict(texts)))
        {
            for (var k = 0; k < 3; k++)
            {
                Assert.AreEqual(was[k], now[k], 1e-5f);
            }
        }

        var positions = ((TextBackbone)model.Model.Backbone).MaxLength;
        Assert.IsLessThanOrEqualTo(positions - (options is PromptOptions ? 2 : 0), model.Settings.MaxLength);
    }
}
