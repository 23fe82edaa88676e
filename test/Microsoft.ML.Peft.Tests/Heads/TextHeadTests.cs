using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Heads;

/// <summary>Heads of text encoders: forms that no golden case has, and their losses by hand.</summary>
[TestClass]
public sealed class TextHeadTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DataRow("roberta", "roberta", "lm_head.dense", "lm_head.layer_norm", "lm_head.bias", 32)]
    [DataRow("distilbert", "distilbert", "vocab_transform", "vocab_layer_norm", "vocab_projector.bias", 32)]
    [DataRow("electra-ner", "electra", "generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head.bias", 24)]
    [DataRow("deberta-v2", "deberta", "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias", 32)]
    [DataRow("bert", "bert", "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder.bias", 32)]
    public void Masked_words_are_scored_by_the_table_of_the_words(string model, string root, string dense, string norm, string bias, long width)
    {
        using var edited = new ModelCopy(model);
        using var generator = new Generator(7);
        edited.Tensors[$"{dense}.weight"] = randn([width, 32], generator: generator);
        edited.Tensors[$"{dense}.bias"] = randn([width], generator: generator);
        edited.Tensors[$"{norm}.weight"] = randn([width], generator: generator);
        edited.Tensors[$"{norm}.bias"] = randn([width], generator: generator);
        edited.Tensors[bias] = randn([97], generator: generator);
        using var batch = new TokenBatch([[2, 5, 6, 7, 3]], 0);
        using var context = ForwardContext.Predicting();
        var inputs = new ModelInputs { Tokens = batch };
        using var features = edited.Load(HeadKind.FeatureExtraction);
        using var masked = edited.Load(HeadKind.MaskedLanguageModel);

        var x = nn.functional.gelu(features.Forward(inputs, context)["last_hidden_state"].matmul(edited.Tensors[$"{dense}.weight"].t()) + edited.Tensors[$"{dense}.bias"]);
        var centered = x - x.mean([2], keepdim: true);
        var variance = centered.pow(2).mean([2], keepdim: true);
        var eps = edited.Config["layer_norm_eps"]?.GetValue<double>() ?? 1e-12;
        x = (centered / (variance + eps).sqrt() * edited.Tensors[$"{norm}.weight"]) + edited.Tensors[$"{norm}.bias"];
        var expected = x.matmul(edited.Tensors[$"{root}.embeddings.word_embeddings.weight"].t()) + edited.Tensors[bias];

        Assert.IsEmpty(masked.NewLayers);
        Golden.Close.Assert(expected, masked.Forward(inputs, context).Logits, "logits", 1e-5);
    }

    [TestMethod]
    public void A_decoder_of_its_own_is_used_where_the_configuration_says_so()
    {
        using var edited = new ModelCopy("bert-mlm");
        using var tied = edited.Load(HeadKind.MaskedLanguageModel);
        edited.Tensors["cls.predictions.decoder.weight"] = edited.Tensors["bert.embeddings.word_embeddings.weight"] * 2;
        using var stillTied = edited.Load(HeadKind.MaskedLanguageModel);
        edited.Config["tie_word_embeddings"] = false;
        using var untied = edited.Load(HeadKind.MaskedLanguageModel);
        var bias = edited.Tensors["cls.predictions.bias"];

        var expected = Logits(tied);
        Golden.Close.Assert(expected, Logits(stillTied), "tied", 0);
        Golden.Close.Assert(((expected - bias) * 2) + bias, Logits(untied), "untied", 1e-5);
    }

    [TestMethod]
    public void The_shared_table_is_kept_once_and_not_merged_into()
    {
        using var edited = new ModelCopy("bert-mlm");
        using var model = edited.Load(HeadKind.MaskedLanguageModel);
        var names = model.Layers.SelectMany(l => l.Tensors().Select(t => $"{l.Path}.{t.Name}")).ToArray();
        Assert.DoesNotContain("cls.predictions.decoder.weight", names);
        Assert.Contains("cls.predictions.decoder.bias", names);

        using var all = Set(TargetModules.AllLinear);
        Assert.DoesNotContain("cls.predictions.decoder", all.Adapters.Select(a => a.Path));
        Assert.Contains("cls.predictions.transform.dense", all.Adapters.Select(a => a.Path));

        using var decoder = Set(TargetModules.Named("decoder"));
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => decoder.Merge()).Message, "shares its weight with 'bert.embeddings.word_embeddings'");

        AdapterSet Set(TargetModules targets) => AdapterSet.Create(
            "default", new LoraOptions { TargetModules = targets }, model.Backbone, new CopiedModules([], []), 0);
    }

    [TestMethod]
    public void Losses_are_those_of_the_problem()
    {
        var logits = tensor(new[] { 1f, -2f, 0.5f, 3f }, 2, 2);
        var numbers = tensor(new[] { 0f, 1f, 1f, 0f }, 2, 2);
        static double Plus(double x) => Math.Log(1 + Math.Exp(x)); // −ln(1 − σ(x))

        AssertLoss((Plus(-3) + Plus(-2.5)) / 2, tensor(new long[] { 0, 1 }), null, 2); // one class of two: by the difference of the scores
        AssertLoss((Plus(1) + Plus(2) + Plus(-0.5) + Plus(3)) / 4, numbers, null, 2); // numbers 0, 1, 1, 0
        AssertLoss((Plus(1) + Plus(2) + Plus(-0.5) + Plus(3)) / 4, numbers, ClassificationProblem.MultiLabel, 2);
        AssertLoss((1 + 9 + 0.25 + 9) / 4, numbers, ClassificationProblem.Regression, 2);

        var one = tensor(new[] { 1f, -2f }, 2, 1);
        Assert.AreEqual((0.25 + 4) / 2, Losses.Classification(one, tensor(new[] { 0.5f, 0f }), 1).item<float>(), 1e-6);
        Assert.Throws<ArgumentException>(() => Losses.Classification(logits, tensor(new[] { 0f, 1f }), 2, ClassificationProblem.MultiLabel));

        void AssertLoss(double expected, Tensor labels, ClassificationProblem? problem, int classes)
            => Assert.AreEqual(expected, Losses.Classification(logits, labels, classes, problem).item<float>(), 1e-6);
    }

    [TestMethod]
    [DataRow("multi_label_classification")]
    [DataRow("regression")]
    public void The_checkpoint_says_what_its_scores_mean(string problem)
    {
        using var edited = new ModelCopy("bert");
        edited.Config["problem_type"] = problem;
        using var own = edited.Load(HeadKind.SequenceClassification);
        using var another = edited.Load(HeadKind.SequenceClassification, classes: 3);
        using var context = ForwardContext.Predicting();
        using var batch = new TokenBatch([[2, 5, 3]], 0);
        var output = own.Forward(new ModelInputs { Tokens = batch }, context);
        var labels = tensor(new[] { 0f, 1f, 1f }, 1, 3);
        var expected = problem == "regression"
            ? nn.functional.mse_loss(output.Logits, labels)
            : nn.functional.binary_cross_entropy_with_logits(output.Logits, labels);

        Golden.Close.Assert(expected.reshape(1), own.Head.Loss(output, new Targets(labels)).reshape(1), problem, 1e-6);

        var classes = tensor(new long[] { 1 });
        Golden.Close.Assert(
            nn.functional.cross_entropy(output.Logits, classes).reshape(1), another.Head.Loss(output, new Targets(classes)).reshape(1), "classes of the caller", 1e-6);

        edited.Config["problem_type"] = "guessing";
        StringAssert.Contains(
            Assert.ThrowsExactly<ModelFormatException>(() => edited.Load(HeadKind.SequenceClassification)).Message, "'problem_type' is \"guessing\"");
    }

    [TestMethod]
    public void A_regression_has_one_score()
    {
        using var edited = new ModelCopy("roberta");
        edited.Config["id2label"] = new System.Text.Json.Nodes.JsonObject { ["0"] = "LABEL_0" };
        var error = Assert.ThrowsExactly<ModelFormatException>(() => edited.Load(HeadKind.SequenceClassification)); // not the checkpoint's own head
        StringAssert.Contains(error.Message, "'classifier.out_proj.weight' has the shape (3, 32); config.json asks for (1, 32)");
        using var model = edited.Load(HeadKind.SequenceClassification, classes: 1);
        using var context = ForwardContext.Predicting();
        using var batch = new TokenBatch([[2, 5, 3], [2, 3]], 1);
        var output = model.Forward(new ModelInputs { Tokens = batch }, context);
        CollectionAssert.AreEqual(new long[] { 2, 1 }, output.Logits.shape);
        CollectionAssert.AreEqual(new[] { "classifier.out_proj" }, model.NewLayers.ToArray());

        var loss = model.Head.Loss(output, new Targets(tensor(new[] { 2f, -1f })));
        var (a, b) = (output.Logits[0, 0].item<float>() - 2, output.Logits[1, 0].item<float>() + 1);
        Assert.AreEqual(((a * a) + (b * b)) / 2, loss.item<float>(), 1e-5);
    }

    [TestMethod]
    public void An_answer_outside_the_row_does_not_count()
    {
        var (start, end) = (tensor(new[] { 1f, 2f, 0f, 3f }, 2, 2), tensor(new[] { 0f, 1f, 5f, 2f }, 2, 2));
        var loss = Losses.Span(start, end, tensor(new long[] { 0, 1 }), tensor(new long[] { 1, 9 })); // 9 is outside

        var first = (Math.Log(1 + Math.Exp(1)) + Math.Log(1 + Math.Exp(-3))) / 2;
        Assert.AreEqual((first + Math.Log(1 + Math.Exp(-1))) / 2, loss.item<float>(), 1e-6);
    }

    [TestMethod]
    public void A_count_of_classes_where_there_are_none_is_refused()
    {
        using var edited = new ModelCopy("bert-mlm");
        foreach (var kind in (HeadKind[])[HeadKind.MaskedLanguageModel, HeadKind.QuestionAnswering, HeadKind.FeatureExtraction])
        {
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => edited.Load(kind, classes: 5), $"{kind}");
        }

        StringAssert.Contains(
            Assert.ThrowsExactly<PeftException>(() => edited.Load(HeadKind.ImageClassification)).Message,
            "supported are SequenceClassification, TokenClassification, QuestionAnswering, MaskedLanguageModel, FeatureExtraction");
        using var features = edited.Load(HeadKind.FeatureExtraction);
        Assert.ThrowsExactly<NotSupportedException>(() => features.Head.Loss(new ModelOutput("last_hidden_state", zeros(1)), new Targets()));
    }

    [TestMethod]
    public void A_new_head_of_several_layers_is_trained_as_a_whole()
    {
        var head = new CopiedModules(["classifier", "score"], ["bert.pooler.dense"]);

        Assert.IsTrue(head.Of("classifier"));
        Assert.IsTrue(head.Of("classifier.dense"));     // RoBERTa
        Assert.IsTrue(head.Of("pre_classifier"));       // DistilBERT: HF PEFT compares the ends of names
        Assert.IsFalse(head.Of("bert.pooler.dense"));
        Assert.IsNull(head.Of("bert.encoder.layer.0.output.dense"));
        Assert.IsNull(head.Of("classifiers"));
    }

    private static Tensor Logits(PretrainedModel model)
    {
        using var context = ForwardContext.Predicting();
        using var batch = new TokenBatch([[2, 5, 6, 3]], 0);
        return model.Forward(new ModelInputs { Tokens = batch }, context).Logits;
    }
}
