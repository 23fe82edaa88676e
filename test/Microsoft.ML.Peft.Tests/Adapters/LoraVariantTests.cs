using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures.Generation;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>aLoRA, LoRA+ and LoRA-FA.</summary>
[TestClass]
public sealed class LoraVariantTests
{
    private DisposeScope _scope = null!;
    private GoldenModel _llama = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
        _llama = GoldenModel.Load(new(GoldenFolder.Root, "llama", null));
    }

    [TestCleanup]
    public void Close()
    {
        _llama.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    public void Activated_lora_acts_from_the_last_invocation_on()
    {
        using var gated = Set(new LoraOptions { Start = LoraStart.Random, InvocationTokens = [7, 8] });
        using var whole = Set(new LoraOptions { Start = LoraStart.Random });
        int[][] rows = [[4, 7, 8, 5, 7, 8, 9], [4, 7, 9, 8, 5, 7, 5], [7, 8, 4, 5, 6, 9, 4]];

        var (active, plain, everywhere) = (Logits(rows, gated), Logits(rows, null), Logits(rows, whole));

        AssertSame(plain[0].narrow(0, 0, 4), active[0].narrow(0, 0, 4)); // before the last occurrence: the base to the last bit
        Assert.IsFalse(plain[0][4].allclose(active[0][4]));
        AssertSame(plain[1], active[1]); // the sequence is not there
        Golden.Close.Assert(everywhere[2], active[2], "from the first token on");
    }

    [TestMethod]
    public void Activated_lora_generates_the_same_with_a_cache_and_without()
    {
        using var gated = Set(new LoraOptions { Start = LoraStart.Random, InvocationTokens = [7, 8] });
        int[][] prompts = [[4, 5, 7, 8], [4, 6, 5, 9]];
        using var first = ForwardContext.Predicting(gated);
        using var second = ForwardContext.Predicting(gated);

        var with = TokenGenerator.Generate(_llama.Model, prompts, new() { MaxNewTokens = 8, StopTokens = [] }, first);
        var without = TokenGenerator.Generate(_llama.Model, prompts, new() { MaxNewTokens = 8, StopTokens = [], UseCache = false }, second);

        for (var row = 0; row < prompts.Length; row++)
        {
            CollectionAssert.AreEqual(without[row], with[row]);
        }
    }

    [TestMethod]
    public void Activated_lora_is_not_merged()
    {
        using var gated = Set(new LoraOptions { InvocationTokens = [7, 8] });
        Assert.ThrowsExactly<PeftException>(() => gated.Merge());
        Assert.IsFalse(gated.Describe(_llama.Model.Backbone).Merges);
        Assert.ThrowsExactly<ArgumentException>(() => new LoraOptions { InvocationTokens = [] }.Validate());
    }

    [TestMethod]
    public void Lora_plus_gives_B_its_own_rate()
    {
        using var set = Set(new LoraOptions { LoraPlusRatio = 16 });
        var groups = set.TrainedParameters().Select(p => (Columns: p.Parameter.size(1), p.Group.LearningRateFactor)).ToArray();

        Assert.IsTrue(groups.All(g => g.LearningRateFactor == (g.Columns == 8 ? 16 : 1)), string.Join(", ", groups)); // B is (out, 8)
    }

    [TestMethod]
    public void Lora_fa_trains_B_with_the_gradient_of_the_papers_formula()
    {
        using var set = Set(new LoraOptions { Rank = 2, Alpha = 6, FreezeA = true });
        using var training = set.Options!.CreateTraining(set)!;
        var factors = set.Adapters.OfType<Lora>().First().Factors;
        Assert.IsFalse(factors.A.requires_grad);
        Assert.AreEqual(set.Adapters.OfType<Lora>().Sum(l => l.Factors.B.numel()), set.TrainableCount);
        var gradient = randn(factors.B.shape);
        factors.B.grad = gradient.clone();

        training.BeforeStep(new(0, 1, 1e-3));

        // The weight then moves by s·ΔB·A = (1/s)·g·pinv(A·Aᵀ)·A: what is tested is that A takes it back.
        var back = factors.B.grad!.mm(factors.A.mm(factors.A.t())).mul(9);
        Golden.Close.Assert(gradient, back.detach(), "gradient", 1e-3);
    }

    private Tensor[] Logits(int[][] rows, AdapterSet? adapter)
    {
        using var _ = no_grad();
        using var context = adapter is null ? ForwardContext.Predicting() : ForwardContext.Predicting(adapter);
        using var inputs = new ModelInputs { Tokens = new TokenBatch(rows, 1) };
        var logits = _llama.Model.Forward(inputs, context).Logits;
        return [.. Enumerable.Range(0, rows.Length).Select(row => logits.select(0, row))];
    }

    private AdapterSet Set(LoraOptions options) => AdapterSet.Create("adapter", options, _llama.Model.Backbone, new CopiedModules([], []), 3);

    private static void AssertSame(Tensor expected, Tensor actual)
        => Assert.IsTrue(expected.contiguous().bytes.SequenceEqual(actual.contiguous().bytes));
}
