using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Adapters.Core;
using Microsoft.ML.Peft.Checkpoints;
using Peft.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Golden;

/// <summary>Every model and adapter of the golden folders against what Hugging Face computes.</summary>
[TestClass]
public sealed class GoldenTests
{
    // What must be there in the first set. A case that is not listed may be skipped, but never different. Of the second set every case is required.
    private static readonly string[] s_models =
    [
        "ast", "bert", "bert-mlm", "bert-ner", "bert-qa", "bloom", "clip", "deberta-v2", "deit", "dinov2", "distilbert", "electra-ner",
        "gemma", "gpt2", "gptj", "hubert", "llama", "llama3-rope", "mistral", "opt", "phi3", "qwen2", "qwen3", "roberta", "swin", "t5",
        "vit", "wav2vec2", "wav2vec2-ctc", "whisper",
    ];

    // Of the repository's own set, not of others.
    private static readonly string[] s_added = ["mixtral", "mixtral-window"];

    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Cases => All().Select(c => new object[] { c.Set, c.Case.Model, c.Case.Adapter ?? "" });

    public static IEnumerable<object[]> Adapters => All()
        .Where(c => c.Case.Adapter is not null && IsRequired(c.Set, c.Case)).Select(c => new object[] { c.Set, c.Case.Model, c.Case.Adapter! });

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void All_that_was_recorded_is_equal(string set, string model, string adapter)
    {
        var result = GoldenComparison.Run(Case(set, model, adapter));

        if (set == GoldenFolder.Second && GoldenGaps.Reasons.TryGetValue(result.Case.ToString(), out var reason))
        {
            Assert.AreNotEqual(GoldenVerdict.Equal, result.Verdict, $"It is equal now; take it off the list that says: {reason}");
            return;
        }

        if (set == GoldenFolder.Second && Deviations.Refused.ContainsKey(result.Case.ToString()))
        {
            Assert.AreEqual(GoldenVerdict.Skipped, result.Verdict, result.ToString());
            return;
        }

        Assert.AreNotEqual(GoldenVerdict.Different, result.Verdict, result.ToString());
        if (IsRequired(set, result.Case))
        {
            Assert.AreEqual(GoldenVerdict.Equal, result.Verdict, result.ToString());
        }
    }

    [TestMethod]
    public void Every_family_of_the_list_is_there()
    {
        var cases = GoldenCase.In(GoldenFolder.Of(GoldenFolder.First)).ToList();
        foreach (var model in s_models)
        {
            Assert.Contains(new GoldenCase(GoldenFolder.Of(GoldenFolder.First), model, null), cases);
            Assert.Contains(new GoldenCase(GoldenFolder.Of(GoldenFolder.First), model, "lora"), cases);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Adapters))]
    public void Unmerging_restores_every_bit(string set, string model, string adapter)
    {
        using var golden = GoldenModel.Load(Case(set, model, adapter));
        var tensors = golden.Model.Layers.SelectMany(l => l.Tensors()).Select(t => t.Tensor).ToArray();
        var before = tensors.Select(t => t.clone()).ToArray();
        if (!golden.Adapter!.Options!.CanMerge || Deviations.Merging.ContainsKey(golden.Case.ToString()) || golden.Adapter.Adapters.OfType<Microsoft.ML.Peft.Adapters.Beft>().Any(part => part.Layer.Bias is null))
        {
            Assert.ThrowsExactly<PeftException>(() => golden.Adapter.Merge());
            return;
        }

        if (!golden.Expected().Keys.Any(key => key.StartsWith("merged.", StringComparison.Ordinal)))
        {
            return; // peft cannot merge this one, such as a bias where the base has none
        }

        var isIdentity = golden.Adapter.Adapters.All(part => part is LayerAdapter layer && layer.ChangesNothing()); // an embedding's PiSSA is
        using (golden.Adapter.Merge())
        {
            Assert.AreNotEqual(isIdentity, before.Zip(tensors, (was, now) => !was.bytes.SequenceEqual(now.bytes)).Contains(true), "merging changed nothing");
        }

        for (var k = 0; k < before.Length; k++)
        {
            Assert.IsTrue(before[k].bytes.SequenceEqual(tensors[k].bytes), $"tensor {k}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Adapters))]
    public void Writing_a_loaded_adapter_gives_its_files_back(string set, string model, string adapter)
    {
        using var golden = GoldenModel.Load(Case(set, model, adapter));
        var folder = Directory.CreateTempSubdirectory("peft-adapter-").FullName;
        try
        {
            AdapterCheckpoint.Write(golden.Adapter!, folder, golden.Model.Head.TaskType, "base");

            using var was = SafetensorsReader.Open(Path.Combine(golden.Case.Folder, "adapter_model.safetensors"));
            using var now = SafetensorsReader.Open(Path.Combine(folder, "adapter_model.safetensors"));
            var isWhole = !Deviations.Writing.ContainsKey(golden.Case.ToString());
            CollectionAssert.AreEquivalent(was.Entries.Keys.ToArray(), now.Entries.Keys.Where(key => isWhole || was.Entries.ContainsKey(key)).ToArray());
            Assert.AreEqual(isWhole, was.Entries.Count == now.Entries.Count);
            foreach (var name in was.Entries.Keys)
            {
                Assert.AreEqual(was.Entries[name].Dtype, now.Entries[name].Dtype, name);
                CollectionAssert.AreEqual(was.Entries[name].Shape.ToArray(), now.Entries[name].Shape.ToArray(), name);
                using var one = was.Read(name); // its bytes live as long as it does
                using var other = now.Read(name);
                Assert.IsTrue(one.bytes.SequenceEqual(other.bytes), name);
            }

            using var first = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden.Case.Folder, "adapter_config.json")));
            using var second = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "adapter_config.json")));
            foreach (var field in first.RootElement.EnumerateObject().Where(field => isWhole || field.Name != "adapters"))
            {
                Assert.IsTrue(second.RootElement.TryGetProperty(field.Name, out var written), field.Name);
                Assert.IsTrue(JsonElement.DeepEquals(field.Value, written), $"{field.Name}: {field.Value} became {written}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void A_wrong_number_is_found()
    {
        var folder = Directory.CreateTempSubdirectory("peft-golden-wrong-").FullName;
        try
        {
            Copy("bert", folder, "config.json", "inputs.safetensors", "model.safetensors", "expected.safetensors");
            Copy("bert/lora", folder, "adapter_config.json", "adapter_model.safetensors", "expected.safetensors");
            var path = Path.Combine(folder, "bert/lora/expected.safetensors");
            Dictionary<string, Tensor> expected;
            using (var file = SafetensorsReader.Open(path))
            {
                expected = file.Entries.Keys.ToDictionary(name => name, file.Read);
            }

            var gradient = expected.Keys.First(k => k.StartsWith("grad.", StringComparison.Ordinal) && k.Contains("lora_B", StringComparison.Ordinal));
            expected[gradient] = expected[gradient] * 1.001;
            SafetensorsWriter.Write(path, expected);

            var result = GoldenComparison.Run(new(folder, "bert", "lora"));

            Assert.AreEqual(GoldenVerdict.Different, result.Verdict);
            Assert.AreEqual(gradient, result.Differences.Single(d => !d.IsEqual).What);
            Assert.AreEqual(GoldenVerdict.Equal, GoldenComparison.Run(new(folder, "bert", null)).Verdict);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        static void Copy(string from, string to, params string[] names)
        {
            Directory.CreateDirectory(Path.Combine(to, from));
            foreach (var name in names)
            {
                File.Copy(Path.Combine(GoldenFolder.Root, from, name), Path.Combine(to, from, name));
            }
        }
    }

    private static IEnumerable<(string Set, GoldenCase Case)> All()
        => from set in new[] { GoldenFolder.First, GoldenFolder.Second } from golden in GoldenCase.In(GoldenFolder.Of(set)) select (set, golden);

    private static bool IsRequired(string set, GoldenCase golden)
    {
        var name = golden.ToString();
        var isListed = set == GoldenFolder.Second
            ? !GoldenGaps.Reasons.ContainsKey(name) && !Deviations.Refused.ContainsKey(name)
            : s_models.Concat(s_added).Contains(golden.Model);
        if (golden.Adapter is null)
        {
            return isListed;
        }

        var config = Path.Combine(golden.Folder, "adapter_config.json");
        var method = File.Exists(config) ? JsonNode.Parse(File.ReadAllText(config))!["peft_type"]!.GetValue<string>() : "";
        return isListed && AdapterRegistry.Methods.Any(row => row.Name == method);
    }

    private static GoldenCase Case(string set, string model, string adapter) => new(GoldenFolder.Of(set), model, adapter.Length == 0 ? null : adapter);
}
