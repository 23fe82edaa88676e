using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>One frozen base model under many adapters at once.</summary>
[TestClass]
public sealed class ServingTests
{
    private static readonly AdapterOptions[] s_methods =
    [
        new LoraOptions { Rank = 3, TargetModules = TargetModules.AllLinear },
        new LoraOptions { Rank = 2, UseDora = true },
        new LoraOptions { Rank = 5, TargetModules = TargetModules.Named("query", "word_embeddings") },
        new Ia3Options(),
        new VeraOptions { Rank = 8 },
        new LilyOptions { Rank = 2 },
        new PeanutOptions { Rank = 3, Depth = 1 },
        new MixtureOfShardsOptions { Rank = 3, TargetModules = TargetModules.Named("query", "value") },
        new PfeifferOptions { ReductionFactor = 2 },
        new PromptTuningOptions { VirtualTokens = 3 },
    ];

    private DisposeScope _scope = null!;
    private GoldenModel _bert = null!;

    [TestInitialize]
    public void Open()
    {
        random.manual_seed(1);
        _scope = NewDisposeScope();
        _bert = GoldenModel.Load(new(GoldenFolder.Root, "bert", null));
    }

    [TestCleanup]
    public void Close()
    {
        _bert.Dispose();
        _scope.Dispose();
    }

    // Each thread goes through the adapters in an order of its own, so that all meet on the base.
    [TestMethod]
    public void Eight_threads_give_what_each_adapter_of_any_method_gives_alone()
    {
        var adapters = s_methods.Select(Moved).ToArray();
        var alone = adapters.Select(Logits).ToArray();
        var (wrong, runs) = (0, 0);
        var threads = Enumerable.Range(0, 8).Select(thread => new Thread(() =>
        {
            for (var turn = 0; turn < 3 * adapters.Length; turn++)
            {
                var k = (thread + (turn * (1 + (thread % 2)))) % adapters.Length;
                Interlocked.Add(ref wrong, Logits(adapters[k]).SequenceEqual(alone[k]) ? 0 : 1);
                Interlocked.Increment(ref runs);
            }
        })).ToArray();
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());

        Assert.AreEqual((8 * 3 * adapters.Length, 0), (runs, wrong));
        Assert.AreEqual(adapters.Length, alone.Select(a => a[0]).Distinct().Count(), "adapters do the same");
        Array.ForEach(adapters, a => a.Dispose());
    }

    [TestMethod]
    public void Many_adapters_take_one_base_and_their_own_numbers()
    {
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var weights = _bert.Model.Layers.SelectMany(l => l.Tensors()).Select(t => t.Tensor).ToArray();
        var bytes = weights.SelectMany(w => w.bytes.ToArray()).ToArray();
        var adapters = Enumerable.Range(0, 20)
            .Select(k => AdapterSet.Create($"{k}", new LoraOptions { Rank = 2, Start = LoraStart.Random }, _bert.Model.Backbone, new CopiedModules([], []), k)).ToArray();
        Array.ForEach(adapters, a => Logits(a));

        // No tensor is there but the factors, and the base has kept its tensors and their numbers.
        Assert.AreEqual(live + adapters.Sum(a => a.Parameters().Count()), DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.IsTrue(adapters.All(a => a.Count == 4 * 2 * 64)); // four layers 32 → 32
        Assert.IsTrue(weights.SequenceEqual(_bert.Model.Layers.SelectMany(l => l.Tensors()).Select(t => t.Tensor), ReferenceEqualityComparer.Instance));
        Assert.IsTrue(bytes.SequenceEqual(weights.SelectMany(w => w.bytes.ToArray())));
        Array.ForEach(adapters, a => a.Dispose());
    }

    private AdapterSet Moved(AdapterOptions options, int seed)
    {
        var adapter = AdapterSet.Create($"{seed}", options, _bert.Model.Backbone, new CopiedModules([], []), seed);
        using var _ = no_grad();
        foreach (var (parameter, _) in adapter.TrainedParameters())
        {
            parameter.add_(randn_like(parameter).mul_(0.3));
        }

        return adapter;
    }

    private float[] Logits(AdapterSet adapter)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(adapter);
        return _bert.Forward(context).Logits.data<float>().ToArray();
    }
}
