using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Tests.Checkpoints;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Who sees a prefix, who does not see the future behind it, and a prefix of no tokens.</summary>
[TestClass]
public sealed class PrefixAttentionTests
{
    private static readonly int[][] s_rows = [[5, 17, 23, 42], [61, 7]];

    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
    }

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow("llama", false)]
    [DataRow("bloom", false)]
    [DataRow("opt", true)]
    [DataRow("gptj", false)]
    public void A_prefix_of_no_tokens_is_the_model_itself(string name, bool projects)
    {
        using var model = PromptFamilyTests.Load(name, HeadKind.CausalLanguageModel);
        using var adapter = PromptFamilyTests.Random(model, new PrefixTuningOptions { VirtualTokens = 0, Projects = projects });
        StringAssert.StartsWith(adapter.Notes.Single(), "num_virtual_tokens is 0");
        var bare = PromptFamilyTests.Logits(model, null, s_rows);
        Assert.IsTrue(bare.bytes.SequenceEqual(PromptFamilyTests.Logits(model, adapter, s_rows).bytes));

        using var folder = new TemporaryFolder();
        AdapterCheckpoint.Write(adapter, folder.Path, "CAUSAL_LM", "base");
        using var read = AdapterSet.Create("b", AdapterCheckpoint.ReadOptions(folder.Path), model.Backbone, new([], []), 7);
        AdapterCheckpoint.ReadTensors(read, folder.Path);
        Assert.AreEqual(0, read.TrainableCount);
        Assert.IsTrue(bare.bytes.SequenceEqual(PromptFamilyTests.Logits(model, read, s_rows).bytes));
    }

    [TestMethod]
    public void Beside_a_prefix_of_no_tokens_the_head_still_learns()
    {
        using var folder = new TinyBert();
        var rows = TinyBert.Words.Select((word, k) => new TextExample(word, k % 2)).ToArray();
        using var model = TextClassifier.Load(folder.Folder, new() { Labels = ["even", "odd"], Adapter = new PrefixTuningOptions { VirtualTokens = 0 } });
        var report = Trainer.Fit(model, rows, new() { Epochs = 10, BatchSize = 5, LearningRate = 1e-2 });
        Assert.IsLessThan(report.EpochLosses[0], report.FinalLoss);
    }

    [TestMethod]
    [DataRow("llama")]
    [DataRow("bloom")]
    [DataRow("opt")]
    [DataRow("gptj")]
    public void Each_token_sees_the_whole_prefix_and_nothing_of_what_comes_behind_it(string name)
    {
        using var model = PromptFamilyTests.Load(name, HeadKind.CausalLanguageModel);
        using var adapter = PromptFamilyTests.Random(model, new PrefixTuningOptions { VirtualTokens = 3 });
        var whole = PromptFamilyTests.Logits(model, adapter, s_rows);
        CollectionAssert.AreEqual(PromptFamilyTests.Logits(model, null, s_rows).shape, whole.shape);

        // Another last token changes its own output alone.
        var other = PromptFamilyTests.Logits(model, adapter, [[5, 17, 23, 77], [61, 8]]);
        Golden.Close.Assert(whole[0].narrow(0, 0, 3), other[0].narrow(0, 0, 3), "the first row's past");
        Golden.Close.Assert(whole[1].narrow(0, 0, 1), other[1].narrow(0, 0, 1), "the second row's past");
        Assert.IsFalse(whole[0, 3].allclose(other[0, 3], 1e-3, 1e-3));

        // Each trained key and value of the first block moves the output of every token.
        var table = adapter.Parameters().Single().Parameter;
        for (var token = 0; token < 3; token++)
        {
            using (no_grad())
            {
                table[token].add_(0.5);
            }

            var moved = PromptFamilyTests.Logits(model, adapter, s_rows);
            foreach (var (row, place) in new[] { (0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1) })
            {
                Assert.IsFalse(whole[row, place].allclose(moved[row, place], 1e-4, 1e-4), $"trained token {token}, row {row}, place {place}");
            }

            using (no_grad())
            {
                table[token].sub_(0.5);
            }
        }
    }

    [TestMethod]
    public void Methods_with_trained_tokens_need_one_and_a_prefix_no_negative_count()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new PrefixTuningOptions { VirtualTokens = -1 }.Validate());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new PromptTuningOptions { VirtualTokens = 0 }.Validate());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new CartridgeOptions { VirtualTokens = 0, FrozenTokens = 0 }.Validate());
    }
}
