using Microsoft.ML.Peft.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Layers;

/// <summary>Attention with masks in strips, shared key heads and caches against the plain formula written out head by head.</summary>
[TestClass]
public sealed class AttentionTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow(7, 1, 1, 0, false)]
    [DataRow(7, 4, 2, 0, true)]
    [DataRow(7, 4, 2, 3, false)]
    [DataRow(7, 4, 1, 3, true)]
    [DataRow(7, 4, 4, 100, true)]
    [DataRow(2100, 2, 1, 0, true)]
    [DataRow(2100, 2, 2, 600, true)]
    [DataRow(2100, 2, 2, 5, false)]
    public void A_causal_mask_hides_what_it_must(int length, int heads, int keyHeads, int window, bool padded)
    {
        const int Batch = 2;
        const int Size = 4;
        using var generator = new Generator(3);
        using var context = ForwardContext.Predicting();
        var (q, k, v) = (Random(heads), Random(keyHeads), Random(keyHeads));
        var real = padded ? length - 3 : length; // of the second row
        var seen = ones(Batch, length, ScalarType.Int64);
        seen[1, real..] = 0;
        var mask = new AttentionMask(0, length, causal: true, CPU, window, padded ? AttentionMask.PaddingOf(seen, Batch, length) : null);

        var actual = Attention.OverTokens(
            q, k, v, new AttentionShape(Batch, length, length, heads, Size) { KeyHeads = keyHeads }, mask, 0, context).view(Batch, length, heads, Size);
        var fused = Attention.Fused(
            ByHead(q, heads), ByHead(k, keyHeads), ByHead(v, keyHeads), new AttentionShape(Batch, length, length, heads, Size), mask, null)
            .view(Batch, length, heads, Size);
        Golden.Close.Assert(actual, fused, "what a GPU is given");

        for (var row = 0; row < Batch; row++)
        {
            for (var head = 0; head < heads; head++)
            {
                var (from, keyHead) = (row == 1 ? real : length, head / (heads / keyHeads));
                var expected = Plain(q.view(Batch, length, heads, Size)[row, .., head], k.view(Batch, length, keyHeads, Size)[row, .., keyHead],
                    v.view(Batch, length, keyHeads, Size)[row, .., keyHead], from, window);
                Golden.Close.Assert(expected, actual[row, .., head], $"row {row}, head {head}");
            }
        }

        Tensor Random(long count) => randn([Batch * length, count * Size], generator: generator);

        Tensor ByHead(Tensor x, long count) => x.view(Batch, length, count, Size).transpose(1, 2);
    }

    [TestMethod]
    public void Gradients_do_not_depend_on_strips()
    {
        const int Length = 2100;
        using var context = ForwardContext.Predicting();
        var (q, k, v) = (Leaf(), Leaf(), Leaf());
        Attention.OverTokens(q, k, v, new AttentionShape(1, Length, Length, 1, 2), new AttentionMask(0, Length, causal: true, CPU), 0, context).square().sum().backward();
        var (q2, k2, v2) = (Copy(q), Copy(k), Copy(v));
        Plain(q2, k2, v2, Length, 0).square().sum().backward();

        Golden.Close.Assert(q2.grad!, q.grad!, "query");
        Golden.Close.Assert(k2.grad!, k.grad!, "key");
        Golden.Close.Assert(v2.grad!, v.grad!, "value");

        static Tensor Leaf() => randn(Length, 2, generator: new Generator(5)).requires_grad_(true);

        static Tensor Copy(Tensor x) => x.detach().clone().requires_grad_(true);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(3)]
    public void Tokens_one_by_one_through_a_store_give_the_same(int window)
    {
        const int Length = 70; // more than the first buffer holds
        using var context = ForwardContext.Predicting();
        using var _ = no_grad();
        using var store = new KeyValueStore();
        var (q, k, v) = (randn(Length, 6), randn(Length, 6), randn(Length, 6));
        var whole = Attention.OverTokens(
            q, k, v, new AttentionShape(1, Length, Length, 3, 2), new AttentionMask(0, Length, causal: true, CPU, window), 0, context);
        var at = 0;
        foreach (var count in (int[])[5, .. Enumerable.Repeat(1, 30), 4, .. Enumerable.Repeat(1, 31)])
        {
            var shape = new AttentionShape(1, count, at + count, 3, 2);
            var part = Attention.OverTokens(
                q[at..(at + count)], k[at..(at + count)], v[at..(at + count)], shape, new AttentionMask(at, count, causal: true, CPU, window), 0, context, store);
            Golden.Close.Assert(whole[at..(at + count)], part, $"tokens from {at}");
            at += count;
        }

        Assert.AreEqual(Length, store.Length);
    }

    [TestMethod]
    public void A_store_refuses_to_be_part_of_a_graph()
    {
        using var store = new KeyValueStore();
        Assert.ThrowsExactly<InvalidOperationException>(() => store.Append(zeros(1, 1, 2), zeros(1, 1, 2), 1));
    }

    // softmax(q·kᵀ/√d)·v of one head; a query that sees nothing gives nothing.
    private static Tensor Plain(Tensor q, Tensor k, Tensor v, long real, long window)
    {
        var (length, size) = (q.size(0), q.size(1));
        var position = arange(length, ScalarType.Int64);
        var (query, key) = (position.unsqueeze(1), position.unsqueeze(0));
        var visible = key.le(query).logical_and(key.lt(real));
        if (window > 0)
        {
            visible = visible.logical_and(key.gt(query - window));
        }

        var scores = q.mm(k.t()) / Math.Sqrt(size);
        var weights = scores.masked_fill(visible.logical_not(), float.NegativeInfinity).softmax(-1);
        return nan_to_num(weights, 0).mm(v);
    }
}
