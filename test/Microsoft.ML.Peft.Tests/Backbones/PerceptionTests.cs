using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>Variants of picture and sound models that the golden set does not have, against numbers of a second program: plain PyTorch 1.13
/// over the golden weights, token by token where this library cuts windows.</summary>
[TestClass]
public sealed class PerceptionTests
{
    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    public void Vit_takes_pictures_of_another_size()
        => Same(
            [-0.40549f, 1.19886f, 0.92875f, -0.12416f, -0.43491f, 1.22185f, 1.02859f, -0.18627f],
            Logits(Golden("vit"), HeadKind.ImageClassification, EditedModel.Waves(2, 3, 24, 16)));

    [TestMethod]
    public void Swin_fills_up_what_its_windows_do_not_divide()
        => Same(
            [0.33487f, -1.13669f, -1.34983f, 0.03465f, 0.38399f, -1.07072f, -1.31469f, 0.04689f],
            Logits(Golden("swin"), HeadKind.ImageClassification, EditedModel.Waves(2, 3, 20, 28)));

    [TestMethod]
    public void Ast_takes_recordings_of_another_length()
    {
        Same(
            [-1.11836f, 0.49110f, 1.07876f, -0.92623f, -1.11298f, 0.49841f, 1.10894f, -0.91406f],
            Logits(Golden("ast"), HeadKind.AudioClassification, EditedModel.Waves(2, 44, 16)));
        Same(
            [-1.06813f, 0.55077f, 1.15673f, -0.90793f, -1.05989f, 0.56524f, 1.16184f, -0.91253f],
            Logits(Golden("ast"), HeadKind.AudioClassification, EditedModel.Waves(2, 20, 16)));
    }

    [TestMethod]
    public void Speech_without_padding()
        => Same(
            [0.15985f, 0.19551f, 0.06754f, 0.40634f, 0.12827f, 0.18560f, 0.06625f, 0.34476f],
            Logits(Golden("wav2vec2"), HeadKind.AudioClassification, EditedModel.Waves(2, 800)));

    [TestMethod]
    public void Speech_with_a_padded_row()
        => Same(
            [0.15985f, 0.19551f, 0.06754f, 0.40634f, 0.18341f, 0.15861f, 0.02452f, 0.45040f],
            Logits(Golden("wav2vec2"), HeadKind.AudioClassification, EditedModel.Waves(2, 800), [800, 500]));

    [TestMethod]
    public void Speech_with_norms_first_and_all_blocks_weighted()
    {
        using var model = new EditedModel("wav2vec2", config => (config["do_stable_layer_norm"], config["use_weighted_layer_sum"]) = (true, true));
        Same(
            [0.43808f, 0.16164f, -0.46617f, 0.48589f, 0.39520f, 0.17417f, -0.49249f, 0.47160f],
            Logits(model.Folder, HeadKind.AudioClassification, EditedModel.Waves(2, 800), [800, 500]));
    }

    [TestMethod]
    [DataRow(32)]
    [DataRow(24)]
    public void Convolutions_after_the_blocks_are_the_formula(int width)
    {
        using var generator = new Generator(13);
        using var edited = new ModelCopy("wav2vec2-ctc");
        using var plain = edited.Load(HeadKind.ConnectionistTemporalClassification);
        using var context = ForwardContext.Predicting();
        using var batch = new ModelInputs { Values = EditedModel.Waves(2, 800), ValueLengths = [800, 500] };
        var states = ((SpeechEncoder)plain.Backbone).Forward(batch.Values!, batch.ValueLengths, context);
        var x = states.Hidden.view(2, states.Frames, 32);
        (edited.Config["add_adapter"], edited.Config["num_adapter_layers"], edited.Config["output_hidden_size"]) = (true, 2, width);
        if (width != 32)
        {
            Add("proj.weight", width, 32);
            Add("proj.bias", width);
            Add("proj_layer_norm.weight", width);
            Add("proj_layer_norm.bias", width);
            x = x.matmul(Of("proj.weight").t()) + Of("proj.bias");
            var centered = x - x.mean([2], keepdim: true);
            x = (centered / (centered.square().mean([2], keepdim: true) + 1e-5).sqrt() * Of("proj_layer_norm.weight")) + Of("proj_layer_norm.bias");
        }

        for (var layer = 0; layer < 2; layer++)
        {
            Add($"layers.{layer}.conv.weight", 2 * width, width, 3);
            Add($"layers.{layer}.conv.bias", 2 * width);
            var (weight, bias) = (Of($"layers.{layer}.conv.weight"), Of($"layers.{layer}.conv.bias"));
            var (old, count) = (x, (x.size(1) - 1) / 2 + 1); // kernel 3, a frame of zeros before and after, every second place
            var made = new List<Tensor>();
            for (var t = 0L; t < count; t++)
            {
                var both = bias.expand(2, 2 * width);
                for (var k = 0L; k < 3; k++)
                {
                    var from = (2 * t) + k - 1;
                    both = from >= 0 && from < old.size(1) ? both + old.select(1, from).mm(weight.select(2, k).t()) : both;
                }

                made.Add(both.narrow(1, 0, width) / (1 + (-both.narrow(1, width, width)).exp()));
            }

            x = stack(made, 1);
        }

        edited.Tensors["lm_head.weight"] = randn([edited.Tensors["lm_head.weight"].size(0), width], generator: generator);
        using var model = edited.Load(HeadKind.ConnectionistTemporalClassification);
        var output = model.Forward(batch, context);

        Tests.Golden.Close.Assert(x.matmul(edited.Tensors["lm_head.weight"].t()) + edited.Tensors["lm_head.bias"], output.Logits, "logits", 1e-5);
        var frames = states.Valid!.Select(n => (((n - 1) / 2) / 2) + 1).ToArray();
        CollectionAssert.AreEqual(frames, output["frames"].data<long>().ToArray());
        Assert.AreEqual(output.Logits.size(1), ((SpeechEncoder)model.Backbone).Frames(800));
        var error = Assert.ThrowsExactly<ModelFormatException>(() => edited.Load(HeadKind.AudioClassification));
        Assert.Contains("'add_adapter' is true; it must be false for classification", error.Message);

        void Add(string name, params long[] shape) => edited.Tensors[$"wav2vec2.adapter.{name}"] = randn(shape, generator: generator);

        Tensor Of(string name) => edited.Tensors[$"wav2vec2.adapter.{name}"];
    }

    [TestMethod]
    public void Both_forms_of_a_weight_normalized_convolution_are_read()
    {
        using var model = new EditedModel("wav2vec2", rename: name => name
            .Replace("parametrizations.weight.original0", "weight_g", StringComparison.Ordinal)
            .Replace("parametrizations.weight.original1", "weight_v", StringComparison.Ordinal));
        var samples = EditedModel.Waves(2, 800);
        var (older, newer) = (Logits(model.Folder, HeadKind.AudioClassification, samples), Logits(Golden("wav2vec2"), HeadKind.AudioClassification, samples));
        Assert.IsTrue(older.bytes.SequenceEqual(newer.bytes));
    }

    [TestMethod]
    public void What_is_drawn_in_training_comes_from_the_seed()
    {
        using var edited = new EditedModel("wav2vec2", config =>
            (config["layerdrop"], config["hidden_dropout"], config["mask_feature_prob"], config["apply_spec_augment"]) = (0.5, 0.1, 0.2, true));
        using var model = PretrainedModel.Load(edited.Folder, HeadKind.AudioClassification);
        using var batch = new ModelInputs { Values = EditedModel.Waves(2, 800) };
        Assert.IsTrue(Run(1).bytes.SequenceEqual(Run(1).bytes));
        Assert.IsFalse(Enumerable.Range(2, 4).All(seed => Run(seed).bytes.SequenceEqual(Run(1).bytes)));

        Tensor Run(int seed)
        {
            using var context = ForwardContext.TrainingWith(seed);
            return model.Forward(batch, context).Logits;
        }
    }

    [TestMethod]
    [DataRow("vit", new long[] { 1, 3, 18, 16 }, "(1, 3, 18, 16)")]
    [DataRow("vit", new long[] { 1, 1, 16, 16 }, "(batch, 3, height, width)")]
    [DataRow("vit", new long[] { 3, 16, 16 }, "(3, 16, 16)")]
    [DataRow("swin", new long[] { 1, 3, 16, 2 }, "too small")]
    [DataRow("ast", new long[] { 1, 16, 32 }, "(batch, 4 frames or more, 16)")]
    [DataRow("ast", new long[] { 1, 3, 16 }, "(1, 3, 16)")]
    [DataRow("wav2vec2", new long[] { 1, 8 }, "enough time for one frame")]
    [DataRow("whisper", new long[] { 1, 16, 40 }, "(batch, 16, 50)")]
    public void Inputs_of_another_shape_are_refused(string name, long[] shape, string part)
    {
        var kind = name switch
        {
            "vit" or "swin" => HeadKind.ImageClassification,
            "whisper" => HeadKind.SequenceToSequence,
            _ => HeadKind.AudioClassification,
        };
        using var model = PretrainedModel.Load(Golden(name), kind);
        using var batch = new ModelInputs { Values = zeros(shape), DecoderTokens = new TokenBatch([[2]], 1) };
        using var context = ForwardContext.Predicting();
        var error = Assert.ThrowsExactly<ArgumentException>(() => model.Forward(batch, context));
        Assert.Contains(part, error.Message);
    }

    [TestMethod]
    [DataRow("wav2vec2", "add_adapter", "3")]
    [DataRow("wav2vec2", "adapter_attn_dim", "16")]
    [DataRow("hubert", "conv_pos_batch_norm", "true")]
    [DataRow("wav2vec2", "feat_extract_norm", "\"batch\"")]
    [DataRow("wav2vec2", "conv_kernel", "[10, 3]")]
    [DataRow("wav2vec2", "conv_dim", "[16, -1, 16]")]
    [DataRow("swin", "use_absolute_embeddings", "true")]
    [DataRow("swin", "num_heads", "[2, 5]")]
    [DataRow("vit", "num_attention_heads", "5")]
    [DataRow("vit", "patch_size", "32")]
    [DataRow("vit", "image_size", "[16, 16, 16]")]
    [DataRow("whisper", "tie_word_embeddings", "false")]
    [DataRow("whisper", "apply_spec_augment", "true")]
    [DataRow("clip", "text_config", "3")]
    public void Configurations_that_are_not_supported_are_refused_by_name(string model, string key, string value)
    {
        using var edited = new EditedModel(model, config => config[key] = JsonNode.Parse(value));
        var error = Assert.ThrowsExactly<ModelFormatException>(() => PretrainedModel.Load(edited.Folder, HeadKind.AudioClassification));
        Assert.Contains($"'{key}'", error.Message);
    }

    [TestMethod]
    public void Missing_and_unknown_tensors_are_named()
    {
        using var less = new EditedModel("swin", rename: name => name == "swin.layernorm.bias" ? "swin.other.bias" : name);
        var error = Assert.ThrowsExactly<ModelFormatException>(() => PretrainedModel.Load(less.Folder, HeadKind.ImageClassification));
        Assert.Contains("swin.layernorm.bias", error.Message);

        using var more = new EditedModel("vit", config => config["num_hidden_layers"] = 1);
        error = Assert.ThrowsExactly<ModelFormatException>(() => PretrainedModel.Load(more.Folder, HeadKind.ImageClassification));
        Assert.Contains("vit.encoder.layer.1.", error.Message);
    }

    [TestMethod]
    public void A_bare_base_model_needs_no_prefix_and_gets_a_new_head()
    {
        const string Index = "encoder.layers.0.blocks.0.attention.self.relative_position_index"; // older checkpoints keep it
        using var bare = new EditedModel("swin", rename: name => name == "classifier.bias" ? Index
            : name == "classifier.weight" ? "embeddings.mask_token" : name.Replace("swin.", "", StringComparison.Ordinal));
        using var model = PretrainedModel.Load(bare.Folder, HeadKind.ImageClassification);
        CollectionAssert.AreEqual(new[] { "classifier" }, model.NewLayers.ToArray());
    }

    [TestMethod]
    public void A_head_of_another_count_of_classes_is_new()
    {
        using var model = PretrainedModel.Load(Golden("ast"), HeadKind.AudioClassification, classes: 7);
        CollectionAssert.AreEqual(new[] { "classifier.dense" }, model.NewLayers.ToArray());
    }

    private static string Golden(string model) => Path.Combine(GoldenFolder.Root, model);

    private static Tensor Logits(string folder, HeadKind kind, Tensor values, long[]? lengths = null)
    {
        using var model = PretrainedModel.Load(folder, kind);
        using var batch = new ModelInputs { Values = values.clone(), ValueLengths = lengths };
        using var context = ForwardContext.Predicting();
        return model.Forward(batch, context).Logits;
    }

    private static void Same(float[] expected, Tensor logits)
    {
        var actual = logits.reshape(-1).data<float>().ToArray();
        Assert.HasCount(expected.Length, actual);
        for (var k = 0; k < expected.Length; k++)
        {
            Assert.AreEqual(expected[k], actual[k], 2e-4f, $"{k} of {string.Join(", ", actual)}");
        }
    }
}
