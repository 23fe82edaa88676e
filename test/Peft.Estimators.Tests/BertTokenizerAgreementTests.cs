using System.Text;
using System.Text.Json;
using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Tokenizers;

namespace Peft.Estimators.Tests;

/// <summary>ML.NET's tokenizer of vocab.txt and ours of tokenizer.json give the same ids where both treat the text alike.</summary>
[TestClass]
public sealed class BertTokenizerAgreementTests
{
    [TestMethod]
    public void Descriptions_without_symbols_have_the_same_ids()
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(Data.BaseModel, "tokenizer.json")));
        var vocabulary = json.RootElement.GetProperty("model").GetProperty("vocab").EnumerateObject().OrderBy(p => p.Value.GetInt32()).Select(p => p.Name);
        var theirs = BertTokenizer.Create(new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', vocabulary))));
        var ours = HuggingFaceTokenizer.Load(Data.BaseModel);
        // ML.NET leaves symbols such as + out and takes an underscore for a part of a word; accents need a table that it has not here.
        var texts = Data.Rows(300).Select(r => r.Description).Where(t => t.All(c => char.IsAscii(c) && !char.IsSymbol(c) && c != '_')).ToArray();
        Assert.IsGreaterThan(150, texts.Length);
        foreach (var text in texts)
        {
            CollectionAssert.AreEqual(ours.EncodeToIds(text).ToArray(), theirs.EncodeToIds(text).ToArray(), text);
        }
    }
}
