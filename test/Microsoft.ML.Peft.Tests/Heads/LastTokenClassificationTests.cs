using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Heads;

/// <summary>Classes from the last token of a decoder.</summary>
[TestClass]
public sealed class LastTokenClassificationTests
{
    [TestMethod]
    [DataRow("llama")]
    [DataRow("mistral")]
    [DataRow("mixtral")]
    [DataRow("gpt2")]
    [DataRow("opt")]
    [DataRow("bloom")]
    [DataRow("gptj")]
    public void Padding_does_not_matter_and_the_last_token_counts(string model)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var whole = PretrainedModel.Load(Path.Combine(GoldenFolder.Root, model), HeadKind.SequenceClassification, classes: 3, seed: 1);
        using var context = ForwardContext.Predicting();
        int[][] rows = [[5, 6, 7, 8, 9, 10], [11, 12, 13], [14]];

        var logits = whole.Forward(new ModelInputs { Tokens = new TokenBatch(rows, 1) }, context).Logits;

        CollectionAssert.AreEqual((long[])[3, 3], logits.shape);
        CollectionAssert.AreEqual((string[])["score"], whole.NewLayers.ToArray());
        Assert.IsTrue(whole.Layers.TryGet("score", out var score));
        Assert.IsNull(((LinearLayer)score).Bias);
        for (var row = 0; row < rows.Length; row++)
        {
            var hidden = ((Decoder)whole.Backbone).Forward(new TokenBatch([rows[row]], 1), context);
            var expected = hidden[^1].unsqueeze(0).mm(((LinearLayer)score).Weight.Dense().t());
            Golden.Close.Assert(expected[0], logits[row], $"row {row}");
        }
    }

    [TestMethod]
    public void The_head_is_trained_and_named_as_in_peft()
    {
        using var model = PretrainedModel.Load(Path.Combine(GoldenFolder.Root, "llama"), HeadKind.SequenceClassification, classes: 3);
        Assert.AreEqual("SEQ_CLS", model.Head.TaskType);
        CollectionAssert.AreEqual((string[])["classifier", "score"], model.Head.TrainedModules.ToArray());
    }
}
