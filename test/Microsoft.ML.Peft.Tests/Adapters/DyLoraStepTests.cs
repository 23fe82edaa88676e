using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.GoldenMethods;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What a step moves of DyLoRA, what a checkpointed part computes again, and what a file keeps.</summary>
[TestClass]
public sealed class DyLoraStepTests
{
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
    public void A_step_can_be_kept_to_the_drawn_rank()
    {
        var options = new DyLoraOptions { Rank = 4, MasksStep = true, BlockSize = 2 };
        var (adapter, set) = Make(options);
        using var _ = set;
        using var training = (DyLoraTraining)((AdapterOptions)options).CreateTraining(set)!;
        using var optimizer = optim.AdamW(adapter.parameters(), lr: 0.1, weight_decay: 0.1);
        var (x, point) = (randn(5, 6), new TrainingPoint(0, 2, 0.1));
        for (var step = 0; step < 2; step++) // with momentum in the second one
        {
            var (a, b) = adapter.Copy();
            adapter.ActiveRank = 4 - (2 * step);
            optimizer.zero_grad();
            adapter.call(x).square().sum().backward();
            training.BeforeStep(point);
            optimizer.step();
            training.AfterStep(point);
            for (var k = 0; k < 4; k++)
            {
                var drawn = k / 2 == 1 - step;
                Assert.AreEqual(!drawn, a[k].bytes.SequenceEqual(adapter.get_parameter("lora_A")![k].bytes), $"row {k} of A in step {step}");
                Assert.AreEqual(!drawn, b.select(1, k).allclose(adapter.get_parameter("lora_B")!.select(1, k), 0, 0), $"column {k} of B in step {step}");
            }
        }

        Assert.ThrowsExactly<ArgumentException>(() => (options with { TrainsLastOnly = false }).Validate());
    }

    // The rank is the layer's until the next step, not the pass's: the second run of a part has the rank of the first.
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_part_that_is_computed_again_has_the_rank_of_its_step(bool frozen)
    {
        var (adapter, set) = Make(new() { Rank = 4, TrainsLastOnly = frozen, Dropout = 0.5 });
        using var _ = set;
        adapter.ActiveRank = 3;
        var x = randn(5, 6);
        var plain = Gradients(again: false);
        var again = Gradients(again: true);

        Assert.AreEqual(3, adapter.ActiveRank);
        Assert.IsGreaterThan(0, plain[0].count_nonzero().item<long>());
        for (var k = 0; k < plain.Length; k++)
        {
            Golden.Close.Assert(plain[k], again[k], $"gradient {k}", 1e-6);
        }

        Tensor[] Gradients(bool again)
        {
            adapter.zero_grad();
            using var context = ForwardContext.TrainingWith(7);
            Tensor Part(Tensor input) => adapter.Forward(input, new LayerCall(adapter.Layer, [], context));
            (again ? GradientCheckpoint.Run(Part, x, context) : Part(x)).square().sum().backward();
            GradientCheckpoint.ThrowIfFailed(context);
            return [.. adapter.parameters().Select(p => p.grad!.clone())];
        }
    }

    // A loop that adds up the gradients of several passes before a step calls BeforeForward once for them, so that all have one rank.
    [TestMethod]
    public void Passes_of_one_step_have_one_rank()
    {
        var (adapter, set) = Make(new() { Rank = 8 });
        using var _ = set;
        using var training = set.CreateTraining()!;
        training.BeforeForward(new(0, 1, 0.1));
        var rank = adapter.ActiveRank;
        adapter.train();
        for (var pass = 0; pass < 20; pass++)
        {
            adapter.call(randn(5, 6)).sum().backward();
            Assert.AreEqual(rank, adapter.ActiveRank);
        }

        Assert.AreEqual(1, adapter.get_parameter("lora_A")!.grad!.abs().sum([1L]).count_nonzero().item<long>(), "rows of A with a gradient");
    }

    [TestMethod]
    public void A_file_has_all_ranks_whichever_is_in_effect()
    {
        var (adapter, set) = Make(new() { Rank = 4 });
        using var _ = set;
        DyLoraTruncation.SetRank(set, 1);
        var shapes = AdapterCheckpoint.Tensors(set).Select(t => string.Join('×', t.Value.shape)).Order().ToArray();
        CollectionAssert.AreEqual(new[] { "4×6", "6×4" }, shapes);
        StringAssert.Contains(set.Options!.ToJson(), "\"r\": 4");
        StringAssert.Contains(set.Options!.ToJson(), "\"lora_alpha\": 16");
    }

    private static (DyLora Adapter, AdapterSet Set) Make(DyLoraOptions options)
    {
        var adapter = (DyLora)MethodCase.Parts(options, new LinearLayer("block.0.query", 0, new DenseWeight(randn(6, 6)), null)).Single();
        using var _ = no_grad();
        foreach (var parameter in adapter.parameters())
        {
            nn.init.normal_(parameter);
        }

        return (adapter, AdapterSet.Of("x", options, [adapter], 1));
    }
}
