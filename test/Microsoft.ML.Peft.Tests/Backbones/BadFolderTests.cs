using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Backbones;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Heads;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Tests.Backbones;

/// <summary>Folders that are wrong, of every family: each is refused with one sentence that names what is wrong.</summary>
[TestClass]
public sealed class BadFolderTests
{
    private DisposeScope _scope = null!;

    public static IEnumerable<object[]> Models => FamilyModel.Names;

    [TestInitialize]
    public void Open() => _scope = NewDisposeScope();

    [TestCleanup]
    public void Close() => _scope.Dispose();

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Missing_surplus_and_misshapen_tensors(string model)
    {
        using var family = new FamilyModel(model);
        var (tensors, name) = (family.Edited.Tensors, family.FirstWeight);
        var weight = tensors[name];

        tensors.Remove(name);
        Refused(family, ModelFormatError.MissingTensor, $"it has no tensor '{name}', which config.json's architecture needs.");

        tensors[name] = weight.flatten();
        Refused(family, ModelFormatError.ShapeMismatch, $"tensor '{name}' has the shape ({weight.numel()}); config.json asks for ({string.Join(", ", weight.shape)}).");

        tensors[name] = weight;
        tensors[$"{family.Root}surprise.weight"] = ones(2);
        Refused(family, ModelFormatError.UnexpectedTensor, $"it has the tensor '{family.Root}surprise.weight', which this model has no place for");
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Quantized_weights(string model)
    {
        using var family = new FamilyModel(model);
        family.Edited.Config["quantization_config"] = new JsonObject { ["quant_method"] = "gptq", ["bits"] = 4 };
        Refused(family, ModelFormatError.Unsupported, "its weights are quantised (config.json has 'quantization_config'), which is not supported; use the model as it was before.");
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Weights_as_a_pickle_alone(string model)
    {
        using var family = new FamilyModel(model);
        using (family.Load())
        {
        }

        File.Move(Path.Combine(family.Edited.Folder, "model.safetensors"), Path.Combine(family.Edited.Folder, "pytorch_model.bin"));
        var error = Assert.ThrowsExactly<ModelFormatException>(() => PretrainedModel.Load(family.Edited.Folder, family.Kind));
        Assert.AreEqual(ModelFormatError.UnsafeFormat, error.Error);
        Assert.Contains("pytorch_model.bin: this is a Python pickle, which can run any code when it is read; convert it where it came from", error.Message);
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void A_vocabulary_of_another_size(string model)
    {
        using var family = new FamilyModel(model);
        var config = family.Edited.Config;
        var owner = config.ContainsKey("vocab_size") ? config : config["text_config"]?.AsObject();
        if (owner is null || !family.Edited.Tensors.Any(t => t.Value.dim() == 2 && t.Value.size(0) == owner["vocab_size"]!.GetValue<int>()))
        {
            return; // pictures and sound have no words
        }

        var size = owner["vocab_size"]!.GetValue<int>();
        owner["vocab_size"] = size + 1;
        var error = Assert.ThrowsExactly<ModelFormatException>(() => family.Edited.Load(family.Kind).Dispose());
        Assert.AreEqual(ModelFormatError.ShapeMismatch, error.Error);
        Assert.Contains($"has the shape ({size}, ", error.Message);
        Assert.Contains($"config.json asks for ({size + 1}, ", error.Message);
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void An_unknown_activation(string model)
    {
        using var family = new FamilyModel(model);
        var config = family.Edited.Config;
        var owner = config["text_config"]?.AsObject() ?? config;
        string[] keys = ["hidden_activation", "hidden_act", "activation", "activation_function", "feed_forward_proj"];
        if (keys.FirstOrDefault(key => owner[key] is not null) is not { } key)
        {
            Assert.AreEqual("bloom", model); // it has one activation
            return;
        }

        owner[key] = "magic";
        var error = Assert.ThrowsExactly<PeftException>(() => family.Load());
        Assert.StartsWith("The activation 'magic' of config.json is not supported; supported are gelu, ", error.Message);
        OneSentence(error.Message);
    }

    [TestMethod]
    [DataRow("llama")]
    [DataRow("mistral")]
    [DataRow("mixtral")]
    [DataRow("qwen2")]
    [DataRow("qwen3")]
    [DataRow("phi3")]
    [DataRow("gemma")]
    public void An_unknown_kind_of_rotary_positions(string model)
    {
        using var family = new FamilyModel(model);
        family.Edited.Config["rope_parameters"]!["rope_type"] = "spiral";
        Refused(family, ModelFormatError.InvalidEntry, "it must be of the type \"default\", \"linear\", \"dynamic\", \"yarn\", \"longrope\" or \"llama3\"");
    }

    [TestMethod]
    public void An_unknown_architecture_and_a_head_that_the_architecture_has_not()
    {
        using var family = new FamilyModel("llama");
        var error = Assert.ThrowsExactly<PeftException>(() => family.Edited.Load(HeadKind.ImageClassification));
        Assert.AreEqual(
            "ImageClassification is not supported for model_type 'llama'; supported are SequenceClassification, CausalLanguageModel, FeatureExtraction.", error.Message);

        family.Edited.Config["model_type"] = "mamba";
        error = Assert.ThrowsExactly<PeftException>(() => family.Load());
        Assert.StartsWith("config.json's model_type is 'mamba', which is not supported; supported are audio-spectrogram-transformer, bert, ", error.Message);
        Assert.EndsWith($"{BackboneRegistry.ModelTypes.Last()}.", error.Message);
        OneSentence(error.Message);
    }

    private static void Refused(FamilyModel family, ModelFormatError kind, string sentence)
    {
        var error = Assert.ThrowsExactly<ModelFormatException>(() => family.Load());
        Assert.AreEqual(kind, error.Error);
        Assert.Contains(sentence, error.Message);
        Assert.Contains(family.Edited.Folder, error.Message);
        OneSentence(error.Message);
    }

    private static void OneSentence(string message)
    {
        Assert.DoesNotContain("\n", message);
        Assert.DoesNotContain(". ", message);
        Assert.EndsWith(".", message);
    }
}
