using Microsoft.ML.Peft.Backbones;
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

    [TestMethod]
    [DataRow(3, 1)]
    [DataRow(5, 4)]
    public void A_convolution_beside_the_first_block_is_the_formula(int kernel, int groups)
    {
        const int Hidden = 32;
        using var generator = new Generator(11);
        using var edited = new ModelCopy("deberta-v2");
        edited.Config["num_hidden_layers"] = 1;
        edited.Rename(name => name.Contains(".layer.1.", StringComparison.Ordinal) ? null : name);
        using var plain = edited.Load(HeadKind.FeatureExtraction);
        (edited.Config["conv_kernel_size"], edited.Config["conv_groups"], edited.Config["conv_act"]) = (kernel, groups, "gelu");
        var (weight, bias) = (randn([Hidden, Hidden / groups, kernel], generator: generator), randn([Hidden], generator: generator));
        var (scale, shift) = (randn([Hidden], generator: generator), randn([Hidden], generator: generator));
        edited.Tensors["deberta.encoder.conv.conv.weight"] = weight;
        edited.Tensors["deberta.encoder.conv.conv.bias"] = bias;
        edited.Tensors["deberta.encoder.conv.LayerNorm.weight"] = scale;
        edited.Tensors["deberta.encoder.conv.LayerNorm.bias"] = shift;
        using var convolved = edited.Load(HeadKind.FeatureExtraction);
        using var context = ForwardContext.Predicting();
        int[][] rows = [[2, 5, 6, 7, 8, 9, 10, 3], [2, 50, 51, 3]];
        using var batch = new TokenBatch(rows, 0);
        var inputs = new ModelInputs { Tokens = batch };
        var block = plain.Forward(inputs, context)["last_hidden_state"];
        var actual = convolved.Forward(inputs, context)["last_hidden_state"];
        var first = ((TextEncoder)convolved.Backbone).Forward(batch, context, firstTokenOnly: true);
        var words = edited.Tensors["deberta.embeddings.word_embeddings.weight"];
        var eps = edited.Config["layer_norm_eps"]!.GetValue<double>();

        for (var row = 0; row < rows.Length; row++)
        {
            var embedded = Norm(words[tensor(rows[row].Select(id => (long)id).ToArray())], edited.Tensors["deberta.embeddings.LayerNorm.weight"], edited.Tensors["deberta.embeddings.LayerNorm.bias"]);
            for (var t = 0; t < rows[row].Length; t++)
            {
                var sum = bias.clone();
                for (var k = 0; k < kernel; k++)
                {
                    var from = t + k - (kernel / 2);
                    for (var g = 0; g < groups && from >= 0 && from < rows[row].Length; g++)
                    {
                        var size = Hidden / groups;
                        sum.narrow(0, g * size, size).add_(weight.narrow(0, g * size, size).select(2, k).mv(embedded[from].narrow(0, g * size, size)));
                    }
                }

                var expected = Norm(block[row, t] + nn.functional.gelu(sum), scale, shift);
                Golden.Close.Assert(expected, actual[row, t], $"row {row}, token {t}", 1e-5);
            }
        }

        Assert.AreEqual(0f, actual[1, 4..].abs().max().item<float>()); // padding
        Golden.Close.Assert(actual.select(1, 0), first, "first token", 1e-6);

        Tensor Norm(Tensor x, Tensor w, Tensor b)
        {
            var centered = x - x.mean([-1], keepdim: true);
            return (centered / (centered.square().mean([-1], keepdim: true) + eps).sqrt() * w) + b;
        }
    }

    private static Tensor Hidden(ModelCopy edited)
    {
        using var model = edited.Load(HeadKind.FeatureExtraction);
        using var context = ForwardContext.Predicting();
        using var batch = new TokenBatch([[2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3], [2, 50, 3]], 0);
        return model.Forward(new ModelInputs { Tokens = batch }, context)["last_hidden_state"];
    }
}
