using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures.Generation;
using Microsoft.ML.Peft.Tests.Golden;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Generation;

/// <summary>Continuing rows of tokens: with a cache as without, in a batch as alone.</summary>
[TestClass]
public sealed class TokenGeneratorTests
{
    private static readonly int[][] s_prompts = [[5, 17, 23, 42, 8], [61, 7], [90, 11, 12, 13, 14, 15, 16]];
    private static readonly GenerationOptions s_greedy = new() { MaxNewTokens = 40, StopTokens = [] };

    [TestMethod]
    [DataRow("llama")]
    [DataRow("llama3-rope")]
    [DataRow("mistral")]
    [DataRow("mixtral")]
    [DataRow("qwen2")]
    [DataRow("qwen3")]
    [DataRow("phi3")]
    [DataRow("gemma")]
    [DataRow("gpt2")]
    [DataRow("opt")]
    [DataRow("bloom")]
    [DataRow("gptj")]
    [DataRow("t5")]
    public void A_cache_changes_nothing(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Load(name);
        using var context = ForwardContext.Predicting();

        var with = TokenGenerator.Generate(model, s_prompts, s_greedy, context);
        var without = TokenGenerator.Generate(model, s_prompts, s_greedy with { UseCache = false }, context);
        var alone = s_prompts.Select(p => TokenGenerator.Generate(model, [p], s_greedy, context)[0]).ToArray();

        for (var row = 0; row < s_prompts.Length; row++)
        {
            Assert.HasCount(40, with[row]);
            CollectionAssert.AreEqual(without[row], with[row], $"row {row} without a cache");
            CollectionAssert.AreEqual(alone[row], with[row], $"row {row} alone");
        }
    }

    [TestMethod]
    public void A_recording_is_written_down_with_a_cache_as_without()
    {
        using var scope = NewDisposeScope();
        using var model = Load("whisper");
        using var context = ForwardContext.Predicting();
        using var file = SafetensorsReader.Open(Path.Combine(GoldenFolder.Root, "whisper", "inputs.safetensors"));
        using var source = new ModelInputs { Values = file.Read("input_features") };
        var options = s_greedy with { MaxNewTokens = 100 }; // the model ends at 30

        var with = TokenGenerator.Generate(model, source, 2, options, context);
        var without = TokenGenerator.Generate(model, source, 2, options with { UseCache = false }, context);

        for (var row = 0; row < 2; row++)
        {
            Assert.HasCount(29, with[row]);
            CollectionAssert.AreEqual(without[row], with[row]);
        }
    }

    // Where the frequencies change, at 17 tokens here, the stored keys are of no use.
    [TestMethod]
    public void A_cache_changes_nothing_where_rotary_frequencies_change()
    {
        using var scope = NewDisposeScope();
        using var edited = new ModelCopy("phi3");
        edited.Config["original_max_position_embeddings"] = 16;
        edited.Config["rope_parameters"] = JsonNode.Parse(
            """{"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1, 1, 1, 1], "long_factor": [9, 8, 7, 6]}""");
        using var model = edited.Load(HeadKind.CausalLanguageModel);
        using var context = ForwardContext.Predicting();

        var with = TokenGenerator.Generate(model, s_prompts, s_greedy, context);
        var without = TokenGenerator.Generate(model, s_prompts, s_greedy with { UseCache = false }, context);
        edited.Config["rope_parameters"]!["long_factor"] = JsonNode.Parse("[1, 1, 1, 1]");
        using var plain = edited.Load(HeadKind.CausalLanguageModel);
        var unchanged = TokenGenerator.Generate(plain, s_prompts, s_greedy, context);

        for (var row = 0; row < s_prompts.Length; row++)
        {
            CollectionAssert.AreEqual(without[row], with[row], $"row {row}");
            CollectionAssert.AreEqual(unchanged[row][..9], with[row][..9], $"row {row}"); // 7 + 9 tokens of the longest row are turned alike
        }

        CollectionAssert.AreNotEqual(unchanged[2], with[2]);
    }

    // The rows are made with the whole forward pass that the recorded numbers of Hugging Face prove.
    [TestMethod]
    [DataRow("llama")]
    [DataRow("mistral")]
    [DataRow("mixtral")]
    [DataRow("gpt2")]
    [DataRow("opt")]
    [DataRow("bloom")]
    [DataRow("gptj")]
    [DataRow("t5")]
    public void Greedy_tokens_are_the_best_of_the_forward_pass(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Load(name);
        using var context = ForwardContext.Predicting();
        var prompt = s_prompts[0];
        List<int> row = [.. ((LanguageModelHead)model.Head).StartToken is { } start ? [start] : prompt];
        var first = row.Count;
        for (var step = 0; step < 12; step++)
        {
            using var inputs = name == "t5"
                ? new ModelInputs { Tokens = new TokenBatch([prompt], 1), DecoderTokens = new TokenBatch([[.. row]], 1) }
                : new ModelInputs { Tokens = new TokenBatch([[.. row]], 1) };
            row.Add((int)model.Forward(inputs, context).Logits[0, ^1].argmax().item<long>());
        }

        var written = TokenGenerator.Generate(model, [prompt], s_greedy with { MaxNewTokens = 12 }, context)[0];

        CollectionAssert.AreEqual(row[first..], written);
    }

    [TestMethod]
    [DataRow("llama")]
    [DataRow("t5")]
    public void Draws_repeat_with_the_seed_and_do_not_depend_on_the_batch(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Load(name);
        using var context = ForwardContext.Predicting();
        var drawn = s_greedy with { Temperature = 1.5, TopP = 0.95, Seed = 4 };

        var first = TokenGenerator.Generate(model, s_prompts, drawn, context);
        var again = TokenGenerator.Generate(model, s_prompts, drawn, context);
        var alone = TokenGenerator.Generate(model, [s_prompts[0]], drawn, context);
        var other = TokenGenerator.Generate(model, s_prompts, drawn with { Seed = 5 }, context);

        CollectionAssert.AreEqual(first[1], again[1]);
        CollectionAssert.AreEqual(first[0], alone[0]);
        CollectionAssert.AreNotEqual(first[0], other[0]);
    }

    [TestMethod]
    public void A_stop_token_ends_its_row_alone_and_is_left_out()
    {
        using var scope = NewDisposeScope();
        using var model = Load("llama");
        using var context = ForwardContext.Predicting();
        var free = TokenGenerator.Generate(model, s_prompts, s_greedy, context);
        var stop = free[0][3];

        var stopped = TokenGenerator.Generate(model, s_prompts, s_greedy with { StopTokens = [stop] }, context);

        for (var row = 0; row < free.Length; row++)
        {
            var end = Array.IndexOf(free[row], stop);
            CollectionAssert.AreEqual(end < 0 ? free[row] : free[row][..end], stopped[row], $"row {row}");
        }
    }

    [TestMethod]
    public void Tokens_are_told_at_once_and_in_order()
    {
        using var scope = NewDisposeScope();
        using var model = Load("gpt2");
        using var context = ForwardContext.Predicting();
        var told = new List<GeneratedToken>();

        var rows = TokenGenerator.Generate(model, s_prompts, s_greedy with { MaxNewTokens = 5 }, context, told.Add);

        CollectionAssert.AreEqual(
            Enumerable.Range(0, 5).SelectMany(index => Enumerable.Range(0, 3).Select(row => new GeneratedToken(row, index, rows[row][index]))).ToArray(), told);
    }

    [TestMethod]
    public void Cancelling_ends_between_two_tokens()
    {
        using var scope = NewDisposeScope();
        using var model = Load("gpt2");
        using var context = ForwardContext.Predicting();
        using var source = new CancellationTokenSource();
        var told = 0;
        Assert.ThrowsExactly<OperationCanceledException>(() => TokenGenerator.Generate(model, [[5]], s_greedy, context, Tell, source.Token));
        Assert.AreEqual(3, told);

        void Tell(GeneratedToken token)
        {
            if (++told == 3)
            {
                source.Cancel();
            }
        }
    }

    [TestMethod]
    public void A_row_ends_where_the_model_ends()
    {
        using var scope = NewDisposeScope();
        using var model = Load("gpt2"); // 64 positions
        using var context = ForwardContext.Predicting();
        int[] prompt = [.. Enumerable.Range(5, 60)];

        Assert.HasCount(4, TokenGenerator.Generate(model, [prompt], s_greedy, context)[0]);
        var error = Assert.ThrowsExactly<PeftException>(() => TokenGenerator.Generate(model, [[.. prompt, 1, 2, 3, 4]], s_greedy, context));
        Assert.Contains("has 64 tokens and the model takes 64", error.Message);
    }

    [TestMethod]
    public void What_cannot_work_is_refused()
    {
        using var scope = NewDisposeScope();
        using var model = Load("gpt2");
        using var context = ForwardContext.Predicting();
        using var training = ForwardContext.TrainingWith(1);
        using var classifier = PretrainedModel.Load(Path.Combine(GoldenFolder.Root, "gpt2"), HeadKind.SequenceClassification);

        Assert.Contains("writes no tokens", Assert.ThrowsExactly<ArgumentException>(() => TokenGenerator.Generate(classifier, [[5]], s_greedy, context)).Message);
        Assert.Contains("Predicting", Assert.ThrowsExactly<ArgumentException>(() => TokenGenerator.Generate(model, [[5]], s_greedy, training)).Message);
        Assert.ThrowsExactly<ArgumentException>(() => TokenGenerator.Generate(model, [[]], s_greedy, context));
        foreach (var wrong in (GenerationOptions[])[new() { MaxNewTokens = 0 }, new() { Temperature = -1 }, new() { TopK = -1 }, new() { TopP = 0 },
            new() { TopP = 1.1 }, new() { RepetitionPenalty = 0 }, new() { Temperature = double.NaN }])
        {
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => TokenGenerator.Generate(model, [[5]], wrong, context));
        }
    }

    private static PretrainedModel Load(string name) => PretrainedModel.Load(
        Path.Combine(GoldenFolder.Root, name), name is "t5" or "whisper" ? HeadKind.SequenceToSequence : HeadKind.CausalLanguageModel);
}
