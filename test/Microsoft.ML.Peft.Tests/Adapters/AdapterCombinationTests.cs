using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Combinations and conversions of adapters by hand-made sums; HF PEFT's own numbers are among the golden cases.</summary>
[TestClass]
public sealed class AdapterCombinationTests
{
    private DisposeScope _scope = null!;
    private GoldenModel _golden = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
        _golden = GoldenModel.Load(new(GoldenFolder.Root, "llama", null));
    }

    [TestCleanup]
    public void Close()
    {
        _golden.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    [DataRow(CombinationKind.Cat)]
    [DataRow(CombinationKind.Svd)]
    public void Exact_kinds_give_the_weighted_sum_of_the_updates(CombinationKind kind)
    {
        using var first = Lora(1, rank: 2);
        using var second = Lora(2, rank: 3);
        using var sum = AdapterCombination.Combine([first, second], [0.5, -2], "sum", new() { Kind = kind, SvdRank = kind == CombinationKind.Svd ? 5 : null });

        for (var k = 0; k < sum.Adapters.Count; k++)
        {
            var expected = (Delta(first, k) * 0.5) - (Delta(second, k) * 2);
            Golden.Close.Assert(expected.detach(), Delta(sum, k).detach(), sum.Adapters[k].Path);
        }
    }

    [TestMethod]
    public void Ties_of_one_and_full_density_is_the_adapter_itself()
    {
        using var first = Lora(1, rank: 2);
        using var same = AdapterCombination.Combine([first], [1], "same", new() { Kind = CombinationKind.Ties, Density = 1 });

        Golden.Close.Assert(Delta(first, 0).detach(), Delta(same, 0).detach(), "delta");
    }

    [TestMethod]
    public void Votes_prunes_and_drops_are_those_of_the_papers()
    {
        using var generator = new Generator(1);
        Tensor[] tensors = [tensor(new[] { 3f, -1f, 0.1f, 4f }), tensor(new[] { -1f, -2f, 5f, 0.2f })];

        // Kept of each: the two largest: (3, 0, 0, 4) and (0, -2, 5, 0); nobody disagrees.
        var ties = TaskVectors.Merge(tensors, [1, 1], new() { Kind = CombinationKind.Ties, Density = 0.5 }, generator);
        Golden.Close.Assert(tensor(new[] { 3f, -2f, 5f, 4f }), ties, "ties");

        // All kept: signs + (3 − 1), −, +, +; the −1 of the first place is left out; the others are means.
        ties = TaskVectors.Merge(tensors, [1, 1], new() { Kind = CombinationKind.Ties, Density = 1 }, generator);
        Golden.Close.Assert(tensor(new[] { 3f, -1.5f, 2.55f, 2.1f }), ties, "vote");

        var pruned = TaskVectors.Merge(tensors, [2, 1], new() { Kind = CombinationKind.MagnitudePrune, Density = 0.5 }, generator);
        Golden.Close.Assert(tensor(new[] { 6f, -2f, 5f, 8f }), pruned, "prune");

        // DARE keeps the mean.
        var mean = Enumerable.Range(0, 4000).Select(_ => TaskVectors.Merge(tensors, [1, 1], new() { Kind = CombinationKind.DareLinear, Density = 0.5 }, generator))
            .Aggregate((a, b) => a + b) / 4000;
        Golden.Close.Assert(tensors[0] + tensors[1], mean, "dare", tolerance: 0.05);
    }

    [TestMethod]
    public void What_cannot_be_combined_is_refused()
    {
        using var first = Lora(1, rank: 2);
        using var second = Lora(2, rank: 3);
        StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => AdapterCombination.Combine([first, second], [1, 1], "x", new() { Kind = CombinationKind.Linear })).Message,
            "the ranks 2, 3; Linear needs equal ones");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => AdapterCombination.Combine([first, second], [1, 1], "x", new() { Kind = CombinationKind.Ties })).Message,
            "set Density");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => AdapterCombination.Combine([first, second], [1], "x")).Message,
            "There are 2 adapters and the weights 1");
        using var dora = Set(new LoraOptions { UseDora = true }, 3);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => AdapterCombination.Combine([dora], [1], "x")).Message, "not plain LoRA");
        using var activated = Set(new LoraOptions { InvocationTokens = [7] }, 4); // acts on some tokens only, which a combination would forget
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => AdapterCombination.Combine([activated], [1], "x")).Message, "not plain LoRA");
    }

    [TestMethod]
    public void A_conversion_says_what_it_lost_and_loses_nothing_at_the_full_rank()
    {
        using var dora = Set(new LoraOptions { Rank = 4, UseDora = true, Start = LoraStart.Gaussian }, 3);
        Randomize(dora);
        var (exact, none) = AdapterConversion.ToLora(dora, 32);
        var (thin, some) = AdapterConversion.ToLora(dora, 1);

        Assert.IsTrue(none.All(e => e.RelativeError < 1e-4), string.Join(", ", none));
        Assert.IsTrue(some.All(e => e.RelativeError is > 0.01 and < 1), string.Join(", ", some));
        using var before = ForwardContext.Predicting(dora);
        using var after = ForwardContext.Predicting(exact);
        Golden.Close.Assert(_golden.Forward(before).Logits.detach(), _golden.Forward(after).Logits.detach(), "logits");
        var folder = Directory.CreateTempSubdirectory("peft-converted-").FullName;
        try
        {
            AdapterCheckpoint.Write(exact, folder, "CAUSAL_LM", "base"); // ranks below the asked one are in rank_pattern
            using var read = _golden.ReadAdapter(folder, "read");
            using var again = ForwardContext.Predicting(read);
            Golden.Close.Assert(_golden.Forward(after).Logits.detach(), _golden.Forward(again).Logits.detach(), "read");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        exact.Dispose();
        thin.Dispose();
    }

    [TestMethod]
    public void Pissa_becomes_plain_lora_without_loss_at_twice_the_rank()
    {
        using var pissa = Set(new LoraOptions { Rank = 2, Start = LoraStart.Pissa }, 3);
        Randomize(pissa);
        var (plain, errors) = AdapterConversion.ToLora(pissa, 4);

        Assert.IsTrue(errors.All(e => e.RelativeError < 1e-4), string.Join(", ", errors));
        plain.Dispose();
    }

    private static Tensor Delta(AdapterSet set, int part) => ((Lora)set.Adapters[part]).Delta();

    private AdapterSet Lora(long seed, int rank) => Set(new LoraOptions { Rank = rank, Alpha = 3, Start = LoraStart.Random }, seed);

    private AdapterSet Set(LoraOptions options, long seed) => AdapterSet.Create($"adapter {seed}", options, _golden.Model.Backbone, new CopiedModules([], []), seed);

    private static void Randomize(AdapterSet set)
    {
        using var _ = no_grad();
        foreach (var (_, parameter) in set.Parameters())
        {
            nn.init.normal_(parameter);
        }
    }
}
