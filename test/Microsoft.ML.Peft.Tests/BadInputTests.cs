using Microsoft.ML.Peft.Adapters;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Training;

namespace Microsoft.ML.Peft.Tests;

/// <summary>What cannot work is refused with one sentence that says why.</summary>
[TestClass]
public sealed class BadInputTests
{
    private TinyBert _folder = null!;

    [TestInitialize]
    public void Open() => _folder = new TinyBert();

    [TestCleanup]
    public void Close() => _folder.Dispose();

    [TestMethod]
    public void A_missing_folder() => Refused<ModelFormatException>("no-such-folder: the model folder does not exist", () => Load("no-such-folder"));

    [TestMethod]
    public void A_folder_without_config()
    {
        File.Delete(_folder.PathOf("config.json"));
        Refused<ModelFormatException>("has no config.json", () => Load(_folder.Folder));
    }

    [TestMethod]
    public void A_folder_without_tokenizer()
    {
        File.Delete(_folder.PathOf("tokenizer.json"));
        Refused<ModelFormatException>("tokenizer.json", () => Load(_folder.Folder));
    }

    [TestMethod]
    public void A_folder_without_weights()
    {
        File.Delete(_folder.PathOf("model.safetensors"));
        Refused<ModelFormatException>("model.safetensors", () => Load(_folder.Folder));
    }

    [TestMethod]
    [DataRow("\"bert\"", "\"no-such-model\"", "model_type is 'no-such-model'")]
    [DataRow("\"hidden_size\": 32", "\"hidden_size\": 64", "has the shape (97, 32); config.json asks for (97, 64)")]
    [DataRow("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "has no tensor 'bert.encoder.layer.2.")]
    [DataRow("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", "has the tensor 'bert.encoder.layer.1.")]
    [DataRow("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000000", "'num_hidden_layers' is 1000000")]
    [DataRow("\"num_attention_heads\": 4", "\"num_attention_heads\": 5", "'num_attention_heads' is 5")]
    [DataRow("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"magic\"", "'magic'")]
    [DataRow("\"vocab_size\": 97", "\"vocab_size\": -1", "'vocab_size' is -1")]
    [DataRow("\"hidden_size\": 32", "\"hidden_size\": \"32\"", "'hidden_size' is \"32\"")]
    [DataRow("{", "[", "is not valid JSON")]
    public void A_config_that_lies(string was, string now, string sentence)
    {
        var path = _folder.PathOf("config.json");
        var text = File.ReadAllText(path);
        var at = text.IndexOf(was, StringComparison.Ordinal);
        Assert.IsGreaterThanOrEqualTo(0, at);
        File.WriteAllText(path, text[..at] + now + text[(at + was.Length)..]);

        Refused<Exception>(sentence, () => Load(_folder.Folder));
    }

    [TestMethod]
    public void Truncated_weights()
    {
        var path = _folder.PathOf("model.safetensors");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^4]);
        Refused<ModelFormatException>("model.safetensors", () => Load(_folder.Folder));
    }

    [TestMethod]
    public void A_tokenizer_of_another_model()
    {
        var path = _folder.PathOf("tokenizer.json");
        var text = File.ReadAllText(path);
        File.WriteAllText(path, text.Replace("\"fish\":14", "\"fish\":14" + string.Concat(Enumerable.Range(15, 90).Select(k => $",\"w{k}\":{k}")), StringComparison.Ordinal));
        Refused<ModelFormatException>("the tokenizer has 105 tokens", () => Load(_folder.Folder));
    }

    [TestMethod]
    public void A_damaged_package()
    {
        using var stream = new MemoryStream();
        using (var model = Load(_folder.Folder))
        {
            model.Save(stream);
        }

        var bytes = stream.ToArray();
        Refused<ModelFormatException>("package", () => TextClassifier.Load(bytes.AsMemory(0, bytes.Length / 2), "package"));
        Refused<ModelFormatException>("package", () => TextClassifier.Load(new byte[100], "package"));
        Refused<ModelFormatException>("is no saved classifier", () => TextClassifier.Load(File.ReadAllBytes(_folder.PathOf("model.safetensors")), "package"));
    }

    [TestMethod]
    public void An_adapter_of_another_shape()
    {
        using var model = Load(_folder.Folder);
        var folder = _folder.PathOf("adapter");
        model.SaveAdapter(folder);
        var config = Path.Combine(folder, "adapter_config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"r\": 8", "\"r\": 4", StringComparison.Ordinal));

        Refused<ModelFormatException>("lora_A.weight' has the shape (8, 32); this model needs (4, 32)", () => TextClassifier.LoadAdapter(_folder.Folder, folder, model.Settings));
    }

    [TestMethod]
    public void Data_that_cannot_be_learnt()
    {
        using var model = Load(_folder.Folder);
        Refused<PeftException>("has no rows", () => Fit());
        Refused<PeftException>("is of the class 'a'", () => Fit(new TextExample("red", 0), new TextExample("blue", 0)));
        Refused<ArgumentOutOfRangeException>("Row 1 has the label 2", () => Fit(new TextExample("red", 0), new TextExample("blue", 2)));

        void Fit(params TextExample[] rows) => Trainer.Fit(model, rows, new());
    }

    [TestMethod]
    public void A_loss_that_stops_being_a_number()
    {
        using var model = Load(_folder.Folder);
        var rows = Enumerable.Range(0, 40).Select(k => new TextExample(TinyBert.Words[k % 10], k % 2));
        Refused<PeftException>("The loss is ", () => Trainer.Fit(model, rows, new() { LearningRate = 1e30, MaxGradientNorm = 0, Epochs = 50, BatchSize = 4 }));
    }

    [TestMethod]
    public void One_class_or_the_same_class_twice()
    {
        Refused<ArgumentException>("There is 1 class, 'a'", () => Load(_folder.Folder, "a"));
        Refused<ArgumentException>("The class 'a' is there 2 times", () => Load(_folder.Folder, "a", "a"));
    }

    private static TextClassifier Load(string folder, params string[] labels)
        => TextClassifier.Load(folder, new() { Adapter = new LoraOptions(), Labels = labels.Length == 0 ? ["a", "b"] : labels, MaxLength = 16 });

    private static void Refused<T>(string sentence, Action action)
        where T : Exception
        => StringAssert.Contains(Assert.Throws<T>(action).Message, sentence);
}
