using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Procedures.Generation;
using Microsoft.ML.Peft.Tests.Golden;
using Microsoft.ML.Peft.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Adapters;

/// <summary>X-LoRA trained, written and read again, and what it refuses.</summary>
[TestClass]
public sealed class XLoraFileTests
{
    private static readonly string[] s_labels = ["colour", "number", "animal"];
    private static readonly TextExample[] s_rows =
        [.. TinyBert.Words.Select((word, k) => new TextExample($"{word} {TinyBert.Words[(k + 3) % 10]}", k < 3 ? 0 : k < 6 ? 1 : 2))];

    private DisposeScope _scope = null!;
    private TinyBert _folder = null!;

    [TestInitialize]
    public void Open()
    {
        _scope = NewDisposeScope();
        _folder = new TinyBert();
        foreach (var seed in (int[])[1, 2])
        {
            // Experts of other tasks: their heads have other sizes.
            using var expert = Load(new LoraOptions { Rank = 2, Start = LoraStart.Random }, ["a", "b"], seed);
            expert.SaveAdapter(_folder.PathOf($"expert-{seed}"));
        }
    }

    [TestCleanup]
    public void Close()
    {
        _folder.Dispose();
        _scope.Dispose();
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_trained_model_comes_back_from_a_folder_and_from_a_package(bool trainsExperts)
    {
        using var model = Load(Options() with { TrainsExperts = trainsExperts, Depth = 2, Size = 16 });
        var expert = Bytes(model, "lora_A");
        var report = Trainer.Fit(model, s_rows, new() { Epochs = 10, BatchSize = 5, LearningRate = 1e-2 });
        Assert.IsLessThan(report.EpochLosses[0], report.FinalLoss);
        Assert.AreEqual(!trainsExperts, expert.SequenceEqual(Bytes(model, "lora_A")));
        string[] texts = [.. s_rows.Select(row => row.Text)];
        var expected = model.Predict(texts);

        var saved = _folder.PathOf("saved");
        model.SaveAdapter(saved);
        using (var file = SafetensorsReader.Open(Path.Combine(saved, "adapter_model.safetensors")))
        {
            CollectionAssert.AreEquivalent(
                new[] { "0.weight", "0.bias", "3.weight", "3.bias" }.Select(n => "base_model.internal_xlora_classifier.layers." + n) // relu and dropout between them
                    .Concat(["base_model.model.classifier.weight", "base_model.model.classifier.bias"]).ToArray(),
                file.Entries.Keys.ToArray());
        }

        Assert.IsFalse(File.ReadAllText(Path.Combine(saved, "adapter_config.json")).Contains("experts\"", StringComparison.Ordinal)); // which HF PEFT does not know
        Directory.Move(saved, _folder.PathOf("moved")); // the experts' folders go with it
        Directory.Delete(_folder.PathOf("expert-1"), recursive: true);
        using var loaded = TextClassifier.LoadAdapter(_folder.Folder, _folder.PathOf("moved"), model.Settings with { Seed = 99 });
        AssertSame(expected, loaded.Predict(texts));

        using var stream = new MemoryStream();
        model.Save(stream);
        Directory.Delete(_folder.PathOf("moved"), recursive: true);
        using var package = TextClassifier.Load(stream.ToArray(), "package");
        AssertSame(expected, package.Predict(texts));
        Assert.AreEqual(model.TrainableCount, package.TrainableCount);
    }

    [TestMethod]
    public void What_cannot_be_an_expert_is_refused()
    {
        Refused(Options() with { Adapters = null }, "Adapters is empty");
        Refused(Options() with { TopK = 3 }, "TopK is 3; it must be from 1 to 2");
        Refused(Options() with { HiddenSize = 4096 }, "HiddenSize is 4096 and the model's hidden states are 32 wide");
        Refused(Options() with { Adapters = new Dictionary<string, string> { ["../x"] = "y" } }, "a name becomes a folder");
        Refused(Options() with { Adapters = new Dictionary<string, string> { ["0"] = "user/repo" } }, "'user/repo', which is no folder");
        Refused(Expert(new LoraOptions { UseDora = true }), "experts are plain LoRA");
        Refused(Expert(new LoraOptions { Start = LoraStart.Pissa }), "taken out of the base model; convert it");
        Refused(Expert(new Ia3Options()), "of the method IA3; experts are LoRA adapters");
        using var pooler = Load(Expert(new LoraOptions { TargetModules = TargetModules.Named("pooler.dense"), Start = LoraStart.Random }));
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => pooler.Predict(["red"])).Message, "need layers that see each token");
        using var model = Load(Options());
        Assert.ThrowsExactly<PeftException>(() => model.Adapter.Merge());
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => ForwardContext.ByRow([model.Adapter, null])).Message, "cannot share a batch");

        XLoraOptions Expert(AdapterOptions options)
        {
            using var expert = Load(options);
            var folder = _folder.PathOf(Path.GetRandomFileName());
            expert.SaveAdapter(folder);
            return new() { Adapters = new Dictionary<string, string> { ["0"] = folder } };
        }

        void Refused(XLoraOptions options, string message)
        {
            try
            {
                Load(options).Dispose();
                Assert.Fail($"not refused: {message}");
            }
            catch (Exception error) when (error is ArgumentException or PeftException)
            {
                StringAssert.Contains(error.Message, message);
            }
        }
    }

    [TestMethod]
    public void Text_is_generated_by_reading_the_whole_of_it_each_time()
    {
        using var llama = PretrainedModel.Load(Path.Combine(GoldenFolder.Root, "llama"), HeadKind.CausalLanguageModel);
        using var expert = AdapterSet.Create("e", new LoraOptions { Rank = 2, Alpha = 40, Start = LoraStart.Random }, llama.Backbone, new CopiedModules([], []), 1);
        AdapterCheckpoint.Write(expert, _folder.PathOf("e"), null, "");
        var options = new XLoraOptions { Adapters = new Dictionary<string, string> { ["0"] = _folder.PathOf("e") }, EnableSoftmax = false };
        using var set = AdapterSet.Create("x", options, llama.Backbone, new CopiedModules([], []), 2);
        var settings = new GenerationOptions { MaxNewTokens = 8, StopTokens = [] };
        int[][] prompts = [[5, 6, 7, 8], [9, 10]]; // the second one is padded
        using var context = ForwardContext.Predicting(set);

        var together = TokenGenerator.Generate(llama, prompts, settings, context);

        for (var row = 0; row < 2; row++)
        {
            CollectionAssert.AreEqual(TokenGenerator.Generate(llama, [prompts[row]], settings with { UseCache = false }, context)[0], together[row]);
        }

        using var cache = new KeyValueCache();
        using var _ = no_grad();
        var decoder = (Microsoft.ML.Peft.Backbones.Decoder)llama.Backbone;
        using var batch = new Microsoft.ML.Peft.Inputs.TokenBatch([[5, 6]], 0);
        context.Enter(new() { Tokens = batch });
        decoder.Forward(batch, context, cache);
        StringAssert.Contains(Assert.ThrowsExactly<PeftException>(() => decoder.Forward(batch, context, cache)).Message, "generate with UseCache = false");
    }

    private XLoraOptions Options()
        => new() { Adapters = new Dictionary<string, string> { ["0"] = _folder.PathOf("expert-1"), ["1"] = _folder.PathOf("expert-2") } };

    private TextClassifier Load(AdapterOptions options, string[]? labels = null, int seed = 0)
        => TextClassifier.Load(_folder.Folder, new() { Labels = labels ?? s_labels, Adapter = options, Seed = seed, MaxLength = 16 });

    private static byte[] Bytes(TextClassifier model, string name)
        => [.. model.Adapter.Parameters().Where(p => p.FileName.Contains(name, StringComparison.Ordinal)).SelectMany(p => p.Parameter.bytes.ToArray())];

    private static void AssertSame(float[][] expected, float[][] actual)
    {
        for (var row = 0; row < expected.Length; row++)
        {
            CollectionAssert.AreEqual(expected[row], actual[row]);
        }
    }
}
