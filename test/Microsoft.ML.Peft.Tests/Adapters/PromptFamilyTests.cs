using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures;
using Microsoft.ML.Peft.Procedures.Generation;
using Microsoft.ML.Peft.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>What the methods with trained tokens, or keys and values, owe on every model; the numbers of HF PEFT are in the golden cases.</summary>
[TestClass]
public sealed class PromptFamilyTests
{
    private static readonly int[][] s_prompts = [[5, 17, 23, 42, 8], [61, 7], [90, 11, 12, 13, 14, 15, 16]];
    private static readonly CopiedModules s_none = new([], []);

    private DisposeScope _scope = null!;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    public static IEnumerable<object[]> Writers =>
        from model in (string[])["llama", "mistral", "mixtral", "qwen2", "qwen3", "phi3", "gemma", "gpt2", "opt", "bloom", "gptj", "t5"]
        from method in (string[])["PROMPT_TUNING", "PREFIX_TUNING", "MULTITASK_PROMPT_TUNING"]
        select new object[] { model, method };

    // Trained tokens are read once, with the prompt; without a cache at each step.
    [TestMethod]
    [DynamicData(nameof(Writers))]
    public void A_cache_changes_nothing(string name, string method)
    {
        using var model = Load(name, name == "t5" ? HeadKind.SequenceToSequence : HeadKind.CausalLanguageModel);
        using var adapter = Random(model, Options(method));
        using var context = ForwardContext.Predicting(adapter);
        var options = new GenerationOptions { MaxNewTokens = 12, StopTokens = [] };

        var with = TokenGenerator.Generate(model, s_prompts, options, context);
        var without = TokenGenerator.Generate(model, s_prompts, options with { UseCache = false }, context);

        for (var row = 0; row < s_prompts.Length; row++)
        {
            CollectionAssert.AreEqual(without[row], with[row], $"row {row}");
        }

        if (name != "t5") // which needs tokens of its decoder for that
        {
            var (bare, adapted) = (Logits(model, null, [[61, 7]]), Logits(model, adapter, [[61, 7]]));
            Assert.IsFalse(bare.select(1, -1).allclose(adapted.select(1, -1), 1e-3, 1e-3), "the adapter does nothing");
        }
    }

    // A text is as if it were alone, and a trained token that is a token's own vector is as that token.
    [TestMethod]
    [DataRow("llama")]
    [DataRow("qwen2")]
    [DataRow("gpt2")]
    [DataRow("opt")]
    [DataRow("bloom")]
    [DataRow("gptj")]
    [DataRow("phi3")]
    [DataRow("mistral")]
    public void A_prompt_of_words_is_those_words(string name)
    {
        using var model = Load(name, HeadKind.CausalLanguageModel);
        using var adapter = AdapterSet.Create("a", new PromptTuningOptions { VirtualTokens = 3 }, model.Backbone, s_none, 0);
        Copy(adapter, TokenStart.Of(model.Backbone.InputEmbedding!, [9, 30, 4]));
        var expected = Logits(model, null, [[9, 30, 4, 5, 6, 7, 8], [9, 30, 4, 11]]);

        var actual = Logits(model, adapter, [[5, 6, 7, 8], [11]]);

        Golden.Close.Assert(expected, actual, name);
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("distilbert")]
    [DataRow("deberta-v2")]
    [DataRow("bert-ner")]
    public void A_prompt_of_words_is_those_words_in_an_encoder(string name)
    {
        using var model = Load(name, HeadKind.TokenClassification);
        using var adapter = AdapterSet.Create("a", new PromptTuningOptions { VirtualTokens = 3 }, model.Backbone, s_none, 0);
        Copy(adapter, TokenStart.Of(model.Backbone.InputEmbedding!, [9, 30, 4]));

        Golden.Close.Assert(Logits(model, null, [[9, 30, 4, 5, 6, 7, 8], [9, 30, 4, 11]]), Logits(model, adapter, [[5, 6, 7, 8], [11]]), name);
    }

    // The keys and values of earlier tokens, given as a prefix, are as those tokens.
    [TestMethod]
    [DataRow("llama")]
    [DataRow("qwen3")]
    [DataRow("gpt2")]
    [DataRow("opt")]
    [DataRow("bloom")]
    [DataRow("gptj")]
    public void A_prefix_of_what_was_read_is_as_if_it_were_read(string name)
    {
        using var model = Load(name, HeadKind.CausalLanguageModel);
        using var adapter = AdapterSet.Create("a", new CartridgeOptions { VirtualTokens = 3 }, model.Backbone, s_none, 0);
        PrefixOfTokens.Start(model, adapter, [9, 30, 4, 77]); // the fourth is not used

        var expected = Logits(model, null, [[9, 30, 4, 5, 6, 7, 8], [9, 30, 4, 11]]).narrow(1, 3, 4);

        Golden.Close.Assert(expected, Logits(model, adapter, [[5, 6, 7, 8], [11]]), name);
        Assert.AreEqual(2L * 2 * model.Backbone.Blocks.Count * model.Backbone.Prompts!.KeyWidth, adapter.TrainableCount, "the first key is not trained");
    }

    // Keys and values of zeros without positions: what is left of the model is the share of attention that zeros take, wherever a row is padded.
    [TestMethod]
    [DataRow("llama")]
    [DataRow("gpt2")]
    [DataRow("opt")]
    public void Positions_can_start_at_0_behind_a_prefix(string name)
    {
        using var model = Load(name, HeadKind.CausalLanguageModel);
        var options = new PrefixTuningOptions { VirtualTokens = 3, Start = PrefixTuningOptions.Zero };
        using var shifted = AdapterSet.Create("a", options, model.Backbone, s_none, 0);
        using var still = AdapterSet.Create("b", options with { ShiftsPositions = false }, model.Backbone, s_none, 0);
        int[][] rows = [[5, 6, 7, 8], [11]];

        Assert.IsFalse(options.ToJson().Contains("shift_positions", StringComparison.Ordinal));
        Assert.IsFalse(((PrefixTuningOptions)AdapterOptions.FromJson(still.Options!.ToJson(), "test")).ShiftsPositions);
        var differs = !Logits(model, shifted, rows).allclose(Logits(model, still, rows), 1e-5, 1e-5);
        Assert.AreEqual(name != "llama", differs); // zeros turn to zeros, and the tokens' angles to each other stay
        using var context = ForwardContext.Predicting(still);
        var generation = new GenerationOptions { MaxNewTokens = 6, StopTokens = [] };
        var with = TokenGenerator.Generate(model, rows, generation, context);
        var without = TokenGenerator.Generate(model, rows, generation with { UseCache = false }, context);
        CollectionAssert.AreEqual(without[0], with[0]);
        CollectionAssert.AreEqual(without[1], with[1]);
    }

    [TestMethod]
    [DataRow("PROMPT_TUNING")]
    [DataRow("P_TUNING")]
    [DataRow("P_TUNING LSTM")]
    [DataRow("PREFIX_TUNING")]
    [DataRow("PREFIX_TUNING projected")]
    [DataRow("MULTITASK_PROMPT_TUNING")]
    [DataRow("CARTRIDGE")]
    [DataRow("CPT")]
    [DataRow("ADAPTION_PROMPT")]
    public void What_was_written_gives_the_same_outputs(string method)
    {
        using var model = Load("llama", HeadKind.CausalLanguageModel);
        using var adapter = Random(model, Options(method));
        var folder = Directory.CreateTempSubdirectory("peft-prompt-").FullName;
        try
        {
            AdapterCheckpoint.Write(adapter, folder, "CAUSAL_LM", "base");
            using var read = AdapterSet.Create("b", AdapterCheckpoint.ReadOptions(folder), model.Backbone, s_none, 7);
            AdapterCheckpoint.ReadTensors(read, folder);

            Golden.Close.Assert(Logits(model, adapter, s_prompts), Logits(model, read, s_prompts), method);
            using var file = SafetensorsReader.Open(Path.Combine(folder, "adapter_model.safetensors"));
            Assert.IsTrue(method == "ADAPTION_PROMPT" || file.Entries.ContainsKey("prompt_embeddings"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void Models_without_a_place_for_them_refuse()
    {
        using var deberta = Load("deberta-v2", HeadKind.SequenceClassification);
        using var vit = Load("vit", HeadKind.ImageClassification);
        using var bert = Load("bert", HeadKind.SequenceClassification);

        Refused(deberta, new PrefixTuningOptions(), "keys that are trained");
        Refused(vit, new PromptTuningOptions(), "takes no tokens");
        Refused(bert, new VptOptions(), "among its patches");
        Refused(bert, new AdaptionPromptOptions(), "LLaMA line");
        Refused(bert, new PromptTuningOptions { TokenWidth = 5 }, "TokenWidth is 5");
        Refused(bert, new PromptTuningOptions { VirtualTokens = 40 }, "40 positions");
        using var first = Random(bert, new PromptTuningOptions());
        using var second = Random(bert, new PromptTuningOptions());
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => ForwardContext.Predicting(first, second)).Message, "only one");
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => ForwardContext.ByRow([first, null])).Message, "cannot share a batch");

        static void Refused(PretrainedModel model, AdapterOptions options, string because)
            => StringAssert.Contains(
                Assert.ThrowsExactly<PeftException>(() => AdapterSet.Create("a", options, model.Backbone, s_none, 0)).Message, because);
    }

    internal static AdapterOptions Options(string method) => method switch
    {
        "PROMPT_TUNING" => new PromptTuningOptions { VirtualTokens = 4 },
        "P_TUNING" => new PTuningOptions { VirtualTokens = 4, HiddenSize = 6 },
        "P_TUNING LSTM" => new PTuningOptions { VirtualTokens = 4, HiddenSize = 6, Encoder = PTuningEncoder.Lstm },
        "PREFIX_TUNING" => new PrefixTuningOptions { VirtualTokens = 4 },
        "PREFIX_TUNING projected" => new PrefixTuningOptions { VirtualTokens = 4, Projects = true, HiddenSize = 6 },
        "MULTITASK_PROMPT_TUNING" => new MultitaskPromptTuningOptions { VirtualTokens = 4, Rank = 2 },
        "CARTRIDGE" => new CartridgeOptions { VirtualTokens = 4 },
        "CPT" => new CptOptions { TokenIds = [5, 6, 7, 8, 9], TokenTypes = [1, 2, 3, 4, 4] },
        _ => new AdaptionPromptOptions { Length = 4 },
    };

    internal static AdapterSet Random(PretrainedModel model, AdapterOptions options)
    {
        var adapter = AdapterSet.Create(options.Method.Name, options, model.Backbone, s_none, 0);
        using var _ = no_grad();
        foreach (var (parameter, _) in adapter.TrainedParameters())
        {
            nn.init.normal_(parameter);
        }

        return adapter;
    }

    internal static PretrainedModel Load(string name, HeadKind kind) => PretrainedModel.Load(Path.Combine(GoldenFolder.Root, name), kind);

    internal static Tensor Logits(PretrainedModel model, AdapterSet? adapter, int[][] rows)
    {
        using var _ = no_grad();
        using var context = adapter is null ? ForwardContext.Predicting() : ForwardContext.Predicting(adapter);
        using var batch = new TokenBatch(rows, 1);
        return model.Forward(new ModelInputs { Tokens = batch }, context).Logits;
    }

    private static void Copy(AdapterSet adapter, Tensor values)
    {
        using var _ = no_grad();
        adapter.Parameters().Single().Parameter.copy_(values);
    }
}
