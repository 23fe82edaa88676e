using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Training;

/// <summary>Stochastic depth of a run, seen by what blocks add to the stream.</summary>
[TestClass]
public sealed class DropPathTests
{
    [TestMethod]
    public void Later_blocks_are_left_out_more_often_and_what_stays_is_scaled()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var context = ForwardContext.TrainingWith(5);
        context.DropPath(0.6, 4);
        var ones = TorchSharp.torch.ones(4000 * 2, 3);
        foreach (var (block, p) in new[] { (0, 0.0), (1, 0.2), (2, 0.4), (3, 0.6) })
        {
            foreach (var point in new[] { BlockPoint.AfterAttention, BlockPoint.AfterFeedForward })
            {
                var kept = context.At(point, block, ones, new BlockState { Rows = 4000 }).view(4000, 6);

                Assert.AreEqual(1 - p, kept.count_nonzero().item<long>() / 24_000.0, 0.03);
                Assert.AreEqual(p == 0 ? 1 : 1 / (1 - p), kept.max().item<float>(), 1e-5);
                Assert.IsTrue(kept.eq(kept.narrow(1, 0, 1)).all().item<bool>(), "rows go as a whole");
            }
        }

        Assert.IsTrue(context.At(BlockPoint.AfterNorm1, 3, ones).eq(1).all().item<bool>());
    }

    // Every family says how many rows a block has; with all but certain loss of the last block a training pass differs, and predictions never do.
    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Every_family_has_it_in_training_alone(string name)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, name, null));
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var blocks = golden.Model.Backbone.Blocks.Count;

        var (plain, dropped) = (Output(0), Output(0.99));

        Assert.IsTrue(plain.isfinite().all().item<bool>() && dropped.isfinite().all().item<bool>());
        Assert.IsFalse(plain.allclose(dropped));

        Tensor Output(double dropPath)
        {
            using var context = ForwardContext.TrainingWith(5);
            context.DropPath(dropPath, blocks);
            var output = golden.Forward(context);
            return output[output.Names.First()];
        }
    }

    private static IEnumerable<object[]> Families()
        => from name in (string[])["bert", "vit", "swin", "llama", "gpt2", "gptj", "bloom", "opt", "t5", "whisper", "dinov2", "wav2vec2", "clip"] select new object[] { name };
}
