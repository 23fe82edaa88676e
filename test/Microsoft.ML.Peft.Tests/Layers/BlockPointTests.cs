using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Adapters;
using Microsoft.ML.Peft.Tests.Golden;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Layers;

/// <summary>What blocks say at their points, on every family.</summary>
[TestClass]
public sealed class BlockPointTests
{
    private static readonly string[] s_models =
    [
        "ast", "bert", "bloom", "clip", "deberta-v2", "deit", "dinov2", "distilbert", "electra-ner", "gemma", "gpt2", "gptj", "llama", "mistral",
        "mixtral", "opt", "phi3", "qwen2", "qwen3", "roberta", "swin", "t5", "vit", "wav2vec2", "whisper",
    ];

    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Models => s_models.Select(model => new object[] { model });

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    // A head that gives nothing is as a slice of zeros in the layer after the heads.
    [TestMethod]
    [DynamicData(nameof(Models))]
    public void A_silent_head_is_a_slice_of_zeros_after_it(string name)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, name, null));
        var site = golden.Model.Backbone.Blocks[^1];
        long size = 0;
        using var mask = Adapter(golden, new Probe(BlockPoint.AttentionHeads, site.Index, (heads, state) =>
        {
            size = heads.size(1) / state.Heads;
            var open = ones(heads.size(1));
            open.narrow(0, size, size).zero_();
            return heads * open;
        }));
        var bare = Run(golden);

        var masked = Run(golden, mask);

        Assert.IsFalse(bare.allclose(masked, 1e-3, 1e-4), "the head had nothing to say");
        Assert.IsGreaterThan(0, size, "the point was not reached");
        using (no_grad())
        {
            var weight = site.Attention.FrozenWeight.clone();
            weight.narrow(1, size, size).zero_();
            site.Attention.ReplaceWeight(weight);
        }

        Golden.Close.Assert(Run(golden), masked, name);
    }

    // The feed-forward part is given what comes behind its norm, and its sum goes on from the attention's.
    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Blocks_say_what_stands_beside_their_hidden_states(string name)
    {
        using var golden = GoldenModel.Load(new(GoldenFolder.Root, name, null));
        var seen = new Dictionary<(BlockPoint, int), (Tensor Hidden, BlockState State)>();
        var sites = golden.Model.Backbone.Blocks;
        using var probes = Adapter(golden, [.. from site in sites from point in Enum.GetValues<BlockPoint>()
            select new Probe(point, site.Index, (h, state) =>
            {
                seen[(point, site.Index)] = (h.alias().MoveToOtherDisposeScope(_scope), state with
                {
                    Residual = state.Residual?.alias().MoveToOtherDisposeScope(_scope),
                    Input = state.Input?.alias().MoveToOtherDisposeScope(_scope),
                });
                return h;
            })]);
        Run(golden, probes);

        Assert.IsNotEmpty(sites);
        foreach (var site in sites)
        {
            var (attended, first) = seen[(BlockPoint.AfterAttention, site.Index)];
            var (fed, second) = seen[(BlockPoint.AfterFeedForward, site.Index)];
            CollectionAssert.AreEqual(attended.shape, first.Residual!.shape);
            CollectionAssert.AreEqual(attended.shape, first.Input!.shape);
            CollectionAssert.AreEqual(fed.shape, second.Residual!.shape);
            Assert.AreEqual(0L, attended.size(0) % first.Rows);
            Assert.IsGreaterThan(1, first.Heads);
            var norm2 = seen.TryGetValue((BlockPoint.AfterNorm2, site.Index), out var found) ? found.Hidden : seen[(BlockPoint.AfterNorm1, site.Index)].Hidden;
            if (!site.NormsAfter)
            {
                Golden.Close.Assert(norm2, second.Input!, $"block {site.Index}: the norm is what the feed-forward part is given");
            }
            else
            {
                using var _ = no_grad();
                Golden.Close.Assert(seen[(BlockPoint.AfterNorm1, site.Index)].Hidden, second.Input!, $"block {site.Index}");
                Golden.Close.Assert(norm2, second.Norm!(fed + second.Residual!), $"block {site.Index}: the norm that follows");
            }
        }
    }

    private static AdapterSet Adapter(GoldenModel golden, params Probe[] probes)
        => AdapterSet.Create("probe", new ProbeOptions(_ => probes), golden.Model.Backbone, new CopiedModules([], []), 0);

    private static Tensor Run(GoldenModel golden, params AdapterSet[] adapters)
    {
        using var _ = no_grad();
        using var context = ForwardContext.Predicting(adapters);
        var output = golden.Forward(context);
        return output[output.Names.First()];
    }
}
