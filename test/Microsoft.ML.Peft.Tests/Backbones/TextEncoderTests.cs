using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>What every text encoder owes, beyond the numbers of the golden cases.</summary>
[TestClass]
public sealed class TextEncoderTests
{
    private static readonly int[][] s_rows = [[2, 5, 6, 7, 8, 9, 3], [2, 50, 3], [2, 40, 41, 42, 3]];

    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Models => from name in (string[])["bert", "roberta", "distilbert", "electra-ner", "deberta-v2"] select new object[] { name };

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Padding_and_the_order_of_rows_change_nothing(string model)
    {
        using var edited = new ModelCopy(model);
        using var loaded = edited.Load(HeadKind.FeatureExtraction);
        var pad = edited.Config["pad_token_id"]!.GetValue<int>();
        var backwards = Hidden(loaded, pad, [.. s_rows.Reverse()]);
        var together = Hidden(loaded, pad, s_rows);
        for (var k = 0; k < s_rows.Length; k++)
        {
            var alone = Hidden(loaded, pad, s_rows[k]).select(0, 0);

            Golden.Close.Assert(alone, together.select(0, k).narrow(0, 0, s_rows[k].Length), $"row {k}", 1e-5);
            Golden.Close.Assert(alone, backwards.select(0, s_rows.Length - 1 - k).narrow(0, 0, s_rows[k].Length), $"row {k} backwards", 1e-5);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void The_first_token_alone_equals_the_whole(string model)
    {
        using var edited = new ModelCopy(model);
        using var loaded = edited.Load(HeadKind.FeatureExtraction);
        using var context = ForwardContext.Predicting();
        var pad = edited.Config["pad_token_id"]!.GetValue<int>();
        using var batch = new TokenBatch(s_rows, pad);
        var first = ((TextEncoder)loaded.Backbone).Forward(batch, context, firstTokenOnly: true);

        Golden.Close.Assert(Hidden(loaded, pad, s_rows).select(1, 0), first, "first token", 1e-5);
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void A_checkpoint_of_the_base_alone_gives_the_same_and_gets_a_new_head(string model)
    {
        using var edited = new ModelCopy(model);
        using var whole = edited.Load(HeadKind.FeatureExtraction);
        var (root, expected) = (whole.Backbone.Root, Hidden(whole, 0, s_rows));
        edited.Rename(name => name.StartsWith(root, StringComparison.Ordinal) ? name[root.Length..] : null);

        using var bare = edited.Load(HeadKind.FeatureExtraction);
        Assert.IsEmpty(bare.NewLayers);
        Golden.Close.Assert(expected, Hidden(bare, 0, s_rows), "hidden", 0);

        foreach (var kind in (HeadKind[])[HeadKind.SequenceClassification, HeadKind.TokenClassification, HeadKind.QuestionAnswering, HeadKind.MaskedLanguageModel])
        {
            using var headed = edited.Load(kind);
            Assert.IsNotEmpty(headed.NewLayers, $"{kind}");
            Assert.IsEmpty(headed.NewLayers.Where(path => path.StartsWith(root + "encoder", StringComparison.Ordinal)));
            using var context = ForwardContext.Predicting();
            using var batch = new TokenBatch(s_rows, 0);
            var output = headed.Forward(new ModelInputs { Tokens = batch }, context);
            foreach (var name in output.Names)
            {
                Assert.IsTrue(output[name].isfinite().all().item<bool>(), $"{kind} {name}");
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Token_types_are_added(string model)
    {
        using var edited = new ModelCopy(model);
        using var loaded = edited.Load(HeadKind.FeatureExtraction);
        using var context = ForwardContext.Predicting();
        using var plain = new TokenBatch([[2, 5, 6]], 0);
        using var zeros = new TokenBatch(tensor(new long[] { 2, 5, 6 }), null, tensor(new long[] { 0, 0, 0 }), 1, 3);
        using var typed = new TokenBatch([[2, 5, 6]], 0, [[0, 0, 1]]);
        var encoder = (TextEncoder)loaded.Backbone;
        var hidden = encoder.Forward(plain, context);

        Golden.Close.Assert(hidden, encoder.Forward(zeros, context), "types of 0", 1e-5);
        var difference = (encoder.Forward(typed, context) - hidden).abs().max().item<float>();
        Assert.AreEqual(loaded.Layers.Any(l => l.Path.EndsWith("token_type_embeddings", StringComparison.Ordinal)), difference > 1e-3, $"{difference}");
    }

    [TestMethod]
    public void XLM_RoBERTa_is_RoBERTa()
    {
        using var edited = new ModelCopy("roberta");
        using var roberta = edited.Load(HeadKind.FeatureExtraction);
        edited.Config["model_type"] = "xlm-roberta";
        using var xlm = edited.Load(HeadKind.FeatureExtraction);

        Assert.IsInstanceOfType<Roberta>(xlm.Backbone);
        Assert.IsTrue(Hidden(roberta, 1, s_rows).bytes.SequenceEqual(Hidden(xlm, 1, s_rows).bytes));
    }

    [TestMethod]
    public void Positions_of_RoBERTa_start_behind_the_padding_id()
    {
        using var edited = new ModelCopy("roberta");
        using var loaded = edited.Load(HeadKind.FeatureExtraction);
        Assert.AreEqual(40 - 1 - 1, ((Roberta)loaded.Backbone).MaxLength);
        var before = Hidden(loaded, 1, [2, 5, 6]);

        edited.Tensors["roberta.embeddings.position_embeddings.weight"][1].add_(1); // the padding's own
        edited.Tensors["roberta.embeddings.position_embeddings.weight"][5].add_(1); // the fourth token's
        using var same = edited.Load(HeadKind.FeatureExtraction);
        Golden.Close.Assert(before, Hidden(same, 1, [2, 5, 6]), "unused positions", 0);

        edited.Tensors["roberta.embeddings.position_embeddings.weight"][2].select(0, 0).add_(1); // the first token's
        using var other = edited.Load(HeadKind.FeatureExtraction);
        Assert.IsGreaterThan(1e-3f, (Hidden(other, 1, [2, 5, 6]) - before).abs().max().item<float>());
    }

    [TestMethod]
    [DataRow("bert", "position_embedding_type", "\"relative_key\"", "'position_embedding_type' is \"relative_key\"")]
    [DataRow("bert", "is_decoder", "true", "'is_decoder' is true")]
    [DataRow("bert", "type_vocab_size", "0", "'type_vocab_size' is 0")]
    [DataRow("bert", "quantization_config", "{\"quant_method\":\"gptq\"}", "its weights are quantised")]
    [DataRow("roberta", "pad_token_id", "97", "'pad_token_id' is 97")]
    [DataRow("roberta", "pad_token_id", "39", "'max_position_embeddings' is 40")]
    [DataRow("roberta", "vocab_size", "98", "has the shape (97, 32); config.json asks for (98, 32)")]
    [DataRow("distilbert", "n_heads", "3", "'n_heads' is 3")]
    [DataRow("distilbert", "activation", "\"magic\"", "'magic'")]
    [DataRow("electra-ner", "embedding_size", "32", "has the shape (97, 24); config.json asks for (97, 32)")]
    [DataRow("deberta-v2", "conv_kernel_size", "4", "'conv_kernel_size' is 4; it must be odd")]
    [DataRow("deberta-v2", "conv_kernel_size", "3", "has no tensor 'deberta.encoder.conv.conv.weight'")]
    [DataRow("deberta-v2", "pos_att_type", "[\"c2p\",\"p2p\"]", "made of \"c2p\" and \"p2c\"")]
    [DataRow("deberta-v2", "norm_rel_ebd", "\"batch_norm\"", "'norm_rel_ebd' is \"batch_norm\"")]
    [DataRow("deberta-v2", "position_buckets", "1", "'position_buckets' is 1")]
    [DataRow("deberta-v2", "share_att_key", "false", "has no tensor 'deberta.encoder.layer.0.attention.self.pos_key_proj.weight'")]
    [DataRow("deberta-v2", "attention_head_size", "16", "'attention_head_size' is 16")]
    [DataRow("deberta-v2", "position_biased_input", "true", "has no tensor 'deberta.embeddings.position_embeddings.weight'")]
    [DataRow("deberta-v2", "model_type", "\"deberta\"", "model_type is 'deberta', which is not supported")]
    public void A_variant_that_changes_the_result_is_refused(string model, string key, string value, string sentence)
    {
        using var edited = new ModelCopy(model);
        edited.Config[key] = System.Text.Json.Nodes.JsonNode.Parse(value);

        StringAssert.Contains(Assert.Throws<Exception>(() => edited.Load(HeadKind.FeatureExtraction)).Message, sentence);
    }

    private static Tensor Hidden(PretrainedModel model, int pad, params int[][] rows)
    {
        using var _ = no_grad();
        using var context = ForwardContext.Predicting();
        using var batch = new TokenBatch(rows, pad);
        return model.Forward(new ModelInputs { Tokens = batch }, context)["last_hidden_state"];
    }
}
