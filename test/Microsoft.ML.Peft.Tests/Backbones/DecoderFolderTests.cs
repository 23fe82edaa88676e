using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>Folders of decoders: old and bare forms are read, wrong ones refused with a sentence.</summary>
[TestClass]
public sealed class DecoderFolderTests
{
    private DisposeScope _scope = null!;
    private string _folder = null!;

    [TestInitialize]
    public void Open()
    {
        _scope = NewDisposeScope();
        _folder = Directory.CreateTempSubdirectory("peft-decoder-").FullName;
    }

    [TestCleanup]
    public void Close()
    {
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [TestMethod]
    [DataRow("llama", "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "'num_key_value_heads' is 3; it must be a divisor of num_attention_heads")]
    [DataRow("llama", "\"hidden_act\": \"silu\"", "\"hidden_act\": \"magic\"", "'magic'")]
    [DataRow("llama", "\"vocab_size\": 97", "\"vocab_size\": 98", "has the shape (97, 32); config.json asks for (98, 32)")]
    [DataRow("llama", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "has no tensor 'model.layers.2.")]
    [DataRow("llama", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", "has the tensor 'model.layers.1.")]
    [DataRow("llama", "\"attention_bias\": false", "\"attention_bias\": true", "has no tensor 'model.layers.0.self_attn.q_proj.bias'")]
    [DataRow("llama", "\"attention_bias\": false", "\"quantization_config\": {}", "quantised")]
    [DataRow("llama", "\"rope_type\": \"default\"", "\"rope_type\": \"mrope\"", "'rope_parameters'")]
    [DataRow("mistral", "\"sliding_window\": 4", "\"sliding_window\": 0", "'sliding_window' is 0")]
    [DataRow("mixtral", "\"num_experts_per_tok\": 2", "\"num_experts_per_tok\": 5", "'num_experts_per_tok' is 5; it must be a whole number from 1 to 4")]
    [DataRow("mixtral", "\"intermediate_size\": 48", "\"intermediate_size\": 50", "experts.0.w1.weight' has the shape (48, 32); config.json asks for (50, 32)")]
    [DataRow("mixtral", "\"num_local_experts\": 4", "\"num_local_experts\": 3", "has the shape (4, 32); config.json asks for (3, 32)")]
    [DataRow("mixtral", "\"output_router_logits\": false", "\"output_router_logits\": true", "'output_router_logits' is true")]
    [DataRow("qwen2", "\"use_sliding_window\": false", "\"use_sliding_window\": 1", "'use_sliding_window' is 1")]
    [DataRow("gemma", "\"use_bidirectional_attention\": null", "\"use_bidirectional_attention\": true", "'use_bidirectional_attention' is true")]
    [DataRow("gpt2", "\"n_head\": 4", "\"n_head\": 5", "'n_head' is 5")]
    [DataRow("gpt2", "\"add_cross_attention\": false", "\"add_cross_attention\": true", "'add_cross_attention' is true")]
    [DataRow("opt", "\"layer_norm_elementwise_affine\": true", "\"layer_norm_elementwise_affine\": false", "'layer_norm_elementwise_affine' is false")]
    [DataRow("opt", "\"word_embed_proj_dim\": 32", "\"word_embed_proj_dim\": 16", "config.json asks for (97, 16)")]
    [DataRow("bloom", "\"n_head\": 4", "\"n_head\": 0", "'n_head' is 0")]
    [DataRow("gptj", "\"rotary_dim\": 4", "\"rotary_dim\": 3", "'rotary_dim' is 3; it must be even")]
    [DataRow("gptj", "\"rotary_dim\": 4", "\"rotary_dim\": 10", "'rotary_dim' is 10")]
    public void A_config_that_lies_is_refused(string model, string was, string now, string sentence)
    {
        Copy(model, config => config.Contains(was, StringComparison.Ordinal) ? config.Replace(was, now, StringComparison.Ordinal) : throw new AssertFailedException(config));
        var error = Assert.Throws<Exception>(() => PretrainedModel.Load(_folder, HeadKind.CausalLanguageModel));
        Assert.IsTrue(error is PeftException or ModelFormatException, error.ToString());
        Assert.Contains(sentence, error.Message);
    }

    [TestMethod]
    [DataRow("\"num_heads\": 4", "\"num_heads\": 8", "config.json asks for (32, 8)")]
    [DataRow("\"feed_forward_proj\": \"gated-gelu\"", "\"feed_forward_proj\": \"relu\"", "has no tensor 'encoder.block.0.layer.1.DenseReluDense.wi.weight'")]
    [DataRow("\"decoder_start_token_id\": 0", "\"decoder_start_token_id\": 97", "'decoder_start_token_id' is 97")]
    [DataRow("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", "has no tensor 'lm_head.weight'")]
    public void A_T5_config_that_lies_is_refused(string was, string now, string sentence)
    {
        Copy("t5", config => config.Contains(was, StringComparison.Ordinal) ? config.Replace(was, now, StringComparison.Ordinal) : throw new AssertFailedException(config));
        var error = Assert.Throws<ModelFormatException>(() => PretrainedModel.Load(_folder, HeadKind.SequenceToSequence));
        Assert.Contains(sentence, error.Message);
    }

    [TestMethod]
    [DataRow("gpt2", "transformer.", "h.1.attn.bias")]
    [DataRow("bloom", "transformer.", null)]
    [DataRow("gemma", "model.", "layers.0.self_attn.rotary_emb.inv_freq")]
    [DataRow("opt", "model.", null)]
    public void A_bare_base_model_gives_the_same_scores(string model, string root, string? buffer)
    {
        using var whole = PretrainedModel.Load(Path.Combine(GoldenFolder.Root, model), HeadKind.CausalLanguageModel);
        Copy(model, config => config);
        var path = Path.Combine(_folder, "model.safetensors");
        Dictionary<string, Tensor> tensors;
        using (var file = SafetensorsReader.Open(path))
        {
            tensors = file.Entries.Keys.ToDictionary(name => name[root.Length..], file.Read);
        }

        if (buffer is not null)
        {
            tensors.Add(buffer, ones(3)); // what old files hold besides
        }

        SafetensorsWriter.Write(path, tensors);
        using var bare = PretrainedModel.Load(_folder, HeadKind.CausalLanguageModel);
        using var context = ForwardContext.Predicting();
        using var inputs = new ModelInputs { Tokens = new TokenBatch([[5, 6, 7, 8]], 1) };

        Golden.Close.Assert(whole.Forward(inputs, context).Logits, bare.Forward(inputs, context).Logits, "logits", 0);
    }

    [TestMethod]
    public void An_input_that_is_too_long_is_refused()
    {
        using var model = PretrainedModel.Load(Path.Combine(GoldenFolder.Root, "gpt2"), HeadKind.CausalLanguageModel);
        using var context = ForwardContext.Predicting();
        using var inputs = new ModelInputs { Tokens = new TokenBatch([[.. Enumerable.Repeat(5, 65)]], 1) };
        var error = Assert.ThrowsExactly<PeftException>(() => model.Forward(inputs, context));
        Assert.Contains("65 tokens", error.Message);
        Assert.Contains("at most 64", error.Message);
    }

    [TestMethod]
    public void The_slopes_of_BLOOM_are_those_of_the_paper()
    {
        CollectionAssert.AreEqual((float[])[0.5f, 0.25f, 0.125f, 0.0625f, 0.03125f, 0.015625f, 0.0078125f, 0.00390625f], Bloom.Slopes(8));
        var six = Bloom.Slopes(6); // four of 4 heads, then the first and third of 8 heads
        CollectionAssert.AreEqual((float[])[0.25f, 0.0625f, 0.015625f, 0.00390625f, 0.5f, 0.125f], six);
    }

    private void Copy(string model, Func<string, string> change)
    {
        var from = Path.Combine(GoldenFolder.Root, model);
        File.Copy(Path.Combine(from, "model.safetensors"), Path.Combine(_folder, "model.safetensors"));
        File.WriteAllText(Path.Combine(_folder, "config.json"), change(File.ReadAllText(Path.Combine(from, "config.json"))));
    }
}
