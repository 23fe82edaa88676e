using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>Rows of one batch through different adapters, against each adapter run alone on the whole batch.</summary>
[TestClass]
public sealed class RowAdaptersTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow("bert")]
    [DataRow("llama")]
    [DataRow("vit")]
    public void Each_row_is_as_if_its_adapter_ran_alone(string name)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, name, null));
        using var first = Adapter(golden.Model, 1);
        using var second = Adapter(golden.Model, 2);
        AdapterSet?[] rows = [.. Enumerable.Range(0, 16).Select(k => (AdapterSet?[])[first, null, second]).SelectMany(r => r)];
        var solo = new[] { Output(golden, first), Output(golden, null), Output(golden, second) };
        Assert.IsFalse(solo[0].allclose(solo[2]), "the adapters do the same");
        rows = [.. rows.Take((int)solo[0].size(0))];

        using var context = ForwardContext.ByRow(rows);
        using var _ = no_grad();
        var mixed = golden.Forward(context).Logits;

        for (var row = 0; row < rows.Length; row++)
        {
            Golden.Close.Assert(solo[row % 3].select(0, row), mixed.select(0, row), $"row {row}");
        }
    }

    // Parts of blocks see only their rows' share of what stands beside them.
    [TestMethod]
    [DataRow("bert", "gated")]
    [DataRow("vit", "gated")]
    [DataRow("llama", "compacter")]
    [DataRow("llama", "attention")]
    [DataRow("gpt2", "attention")]
    public void Each_row_has_its_own_block_adapters(string name, string method)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, name, null));
        using var first = Blocks(1);
        using var second = Blocks(2);
        var solo = new[] { Output(golden, first), Output(golden, null), Output(golden, second) };
        Assert.IsFalse(solo[0].allclose(solo[2]), "the adapters do the same");
        var count = (int)solo[0].size(0);
        AdapterSet?[] rows = [.. Enumerable.Range(0, count).Select(k => new[] { first, null, second }[k % 3])];

        using var context = ForwardContext.ByRow(rows);
        using var _ = no_grad();
        var mixed = golden.Forward(context).Logits;

        for (var row = 0; row < count; row++)
        {
            Golden.Close.Assert(solo[row % 3].select(0, row), mixed.select(0, row), $"row {row}");
        }

        AdapterSet Blocks(int seed)
        {
            AdapterOptions options = method switch
            {
                "gated" => new PfeifferOptions { ReductionFactor = 2, Gated = true },
                "compacter" => new CompacterOptions { ReductionFactor = 2, Dimension = 2 },
                _ => new AdaptionPromptOptions { Length = 3 },
            };
            var adapter = AdapterSet.Create($"{seed}", options, golden.Model.Backbone, new CopiedModules([], []), seed);
            using var _ = no_grad();
            random.manual_seed(seed);
            foreach (var (parameter, _) in adapter.TrainedParameters())
            {
                nn.init.normal_(parameter, 0, 0.5);
            }

            return adapter;
        }
    }

    [TestMethod]
    public void A_batch_of_another_size_is_refused()
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
        using var adapter = Adapter(golden.Model, 1);
        using var context = ForwardContext.ByRow([adapter, null, adapter, null, adapter, adapter, null]);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => golden.Forward(context)).Message, "adapters for 7 rows");
    }

    private static Tensor Output(GoldenModel golden, AdapterSet? adapter)
    {
        using var _ = no_grad();
        using var context = adapter is null ? ForwardContext.Predicting() : ForwardContext.Predicting(adapter);
        return golden.Forward(context).Logits;
    }

    // Not the identity: both factors are random.
    private static AdapterSet Adapter(PretrainedModel model, long seed)
        => AdapterSet.Create(
            $"adapter {seed}",
            new LoraOptions { Rank = 3, Start = LoraStart.Random, TargetModules = TargetModules.AllLinear },
            model.Backbone,
            new CopiedModules([], []),
            seed);
}
