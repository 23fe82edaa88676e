using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>DeBERTa's distances and the scores that it makes of them.</summary>
[TestClass]
public sealed class DebertaV2Tests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void Far_distances_share_buckets()
    {
        // m = 4 and farthest 40: bucket 4 + j ends at 4·(39/4)^(j/3), which is 8.5, 18.3 and 39.
        long[] expected = [0, 1, 2, 3, 4, .. Enumerable.Repeat(5L, 4), .. Enumerable.Repeat(6L, 10), .. Enumerable.Repeat(7L, 21)];

        CollectionAssert.AreEqual(expected, RelativeBuckets.Distances(40, 8, 40));
    }

    [TestMethod]
    public void The_farthest_distance_of_DeBERTa_v3_is_the_last_bucket()
    {
        var distances = RelativeBuckets.Distances(512, 256, 512);

        Assert.AreEqual(128, distances[128]);
        Assert.AreEqual(129, distances[129]); // ln(129/128)/ln(511/128)·127 = 0.71
        Assert.AreEqual(130, distances[130]); // 1.42
        Assert.AreEqual(192, distances[256]); // 63.6
        Assert.AreEqual(255, distances[511]);
        CollectionAssert.AreEqual(distances.Order().ToArray(), distances);
    }

    [TestMethod]
    public void Without_buckets_distances_are_themselves()
        => CollectionAssert.AreEqual(new long[] { 0, 1, 2, 3, 4, 5 }, RelativeBuckets.Distances(6, 0, 3));

    [TestMethod]
    public void Index_looks_both_ways_and_stays_in_the_table()
    {
        var index = RelativeBuckets.Index(3, 4, span: 2, buckets: 0, farthest: 2, CPU);

        CollectionAssert.AreEqual(new long[] { 3, 4 }, index.shape);
        CollectionAssert.AreEqual(new long[] { 2, 1, 0, 0, 3, 2, 1, 0, 3, 3, 2, 1 }, index.data<long>().ToArray());
    }

    [TestMethod]
    public void Scores_are_the_sums_of_the_paper()
    {
        const int batch = 2, length = 5, heads = 2, size = 3, span = 3;
        using var generator = new Generator(5);
        var (query, key) = (Random(batch * length), Random(batch * length));
        var (positionKey, positionQuery) = (Random(2 * span), Random(2 * span));
        var index = RelativeBuckets.Index(length, length, span, 0, span, CPU);
        var hidden = zeros(batch, 1, length, length, ScalarType.Bool);
        hidden[1, 0, 2, 3] = true;

        var scores = DisentangledBias.Scores(query, key, positionKey, positionQuery, index, new(batch, length, length, heads, size), 0.5, hidden);

        CollectionAssert.AreEqual(new long[] { batch * heads, length, length }, scores.shape);
        for (var (b, h) = (0, 0); b < batch; (b, h) = h + 1 < heads ? (b, h + 1) : (b + 1, 0))
        {
            for (var i = 0; i < length; i++)
            {
                for (var j = 0; j < length; j++)
                {
                    var row = Math.Clamp(i - j + span, 0, (2 * span) - 1);
                    var sum = 0f;
                    for (var d = h * size; d < (h + 1) * size; d++)
                    {
                        sum += (At(query, (b * length) + i, d) * At(positionKey, row, d)) + (At(key, (b * length) + j, d) * At(positionQuery, row, d));
                    }

                    var expected = (b, i, j) == (1, 2, 3) ? float.MinValue : 0.5f * sum;
                    Assert.AreEqual(expected, scores[(b * heads) + h, i, j].item<float>(), 1e-5f, $"{b} {h} {i} {j}");
                }
            }
        }

        Tensor Random(long rows) => randn([rows, heads * size], generator: generator);
        static float At(Tensor x, long row, long column) => x[row, column].item<float>();
    }

    [TestMethod]
    public void Layers_of_their_own_for_distances_equal_shared_ones_of_the_same_numbers()
    {
        using var shared = new ModelCopy("deberta-v2");
        using var apart = new ModelCopy("deberta-v2");
        apart.Config["share_att_key"] = false;
        foreach (var name in apart.Tensors.Keys.Where(k => k.Contains(".self.", StringComparison.Ordinal)).ToArray())
        {
            if (name.Contains("query_proj", StringComparison.Ordinal) || name.Contains("key_proj", StringComparison.Ordinal))
            {
                apart.Tensors[name.Replace(".self.", ".self.pos_", StringComparison.Ordinal)] = apart.Tensors[name].clone();
            }
        }

        Golden.Close.Assert(Hidden(shared), Hidden(apart), "hidden", 1e-6);
    }

    [TestMethod]
    public void A_text_of_attention_types_is_the_list()
    {
        using var list = new ModelCopy("deberta-v2");
        using var text = new ModelCopy("deberta-v2");
        text.Config["pos_att_type"] = "p2c|c2p";
        using var one = new ModelCopy("deberta-v2");
        one.Config["pos_att_type"] = "c2p";

        Golden.Close.Assert(Hidden(list), Hidden(text), "hidden", 0);
        Assert.IsGreaterThan(1e-3f, (Hidden(list) - Hidden(one)).abs().max().item<float>());
    }

    private static Tensor Hidden(ModelCopy edited)
    {
        using var model = edited.Load(HeadKind.FeatureExtraction);
        using var context = ForwardContext.Predicting();
        using var batch = new TokenBatch([[2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3], [2, 50, 3]], 0);
        return model.Forward(new ModelInputs { Tokens = batch }, context)["last_hidden_state"];
    }
}
