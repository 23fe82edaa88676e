using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Procedures.Generation;
using Microsoft.ML.Peft.Tests.Golden;

namespace Microsoft.ML.Peft.Tests.Generation;

/// <summary>Texts in, texts out: a golden decoder with the tokenizer of a few words.</summary>
[TestClass]
public sealed class TextGeneratorTests
{
    private static readonly GenerationOptions s_options = new() { MaxNewTokens = 12, StopTokens = [] };

    private TinyBert _folder = null!;

    [TestInitialize]
    public void Open() => _folder = new TinyBert();

    [TestCleanup]
    public void Close() => _folder.Dispose();

    [TestMethod]
    [DataRow("llama")]
    [DataRow("t5")]
    public void What_is_told_piece_by_piece_is_the_text_that_comes_back(string name)
    {
        using var generator = Load(name);
        var told = new Dictionary<int, string> { [0] = "", [1] = "" };

        // Only the first words have a spelling; drawing makes sure that some come.
        var options = s_options with { Temperature = 5, MaxNewTokens = 40, Seed = 3 };
        var texts = generator.Generate(["red cat", "one two three dog"], options, (row, piece) => told[row] += piece);

        for (var row = 0; row < texts.Length; row++)
        {
            Assert.AreEqual(texts[row], told[row]);
            Assert.IsNotEmpty(texts[row]);
        }

        CollectionAssert.AreEqual(texts, generator.Generate(["red cat", "one two three dog"], options));
    }

    [TestMethod]
    public void An_adapter_changes_the_text_and_an_adapter_of_another_model_is_refused()
    {
        using var plain = Load("llama");
        using var adapted = Load("llama", "lora");
        var options = s_options with { Temperature = 3, MaxNewTokens = 48, Seed = 1 };
        Assert.AreNotEqual(plain.Generate(["red cat"], options)[0], adapted.Generate(["red cat"], options)[0]);
        Assert.ThrowsExactly<PeftException>(() => TextGenerator.Load(_folder.Folder, Path.Combine(GoldenFolder.Root, "gpt2", "lora")));
    }

    [TestMethod]
    public void A_tokenizer_with_more_words_than_the_model_is_refused()
    {
        using (Load("llama"))
        {
        }

        var path = _folder.PathOf("tokenizer.json");
        var more = string.Concat(Enumerable.Range(15, 90).Select(k => $",\"w{k}\":{k}"));
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"fish\":14", "\"fish\":14" + more, StringComparison.Ordinal));
        var error = Assert.ThrowsExactly<ModelFormatException>(() => TextGenerator.Load(_folder.Folder));
        Assert.Contains("the tokenizer has 105 tokens and the model a table of 97", error.Message);
    }

    private TextGenerator Load(string name, string? adapter = null)
    {
        foreach (var file in (string[])["config.json", "model.safetensors"])
        {
            File.Copy(Path.Combine(GoldenFolder.Root, name, file), _folder.PathOf(file), overwrite: true);
        }

        return TextGenerator.Load(_folder.Folder, adapter is null ? null : Path.Combine(GoldenFolder.Root, name, adapter));
    }
}
