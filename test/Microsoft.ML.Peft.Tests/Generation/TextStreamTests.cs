using Microsoft.ML.Peft.Inputs.Text;
using Microsoft.ML.Peft.Procedures.Generation;
using Microsoft.ML.Peft.Tests.Inputs;

namespace Microsoft.ML.Peft.Tests.Generation;

/// <summary>Text that is told piece by piece.</summary>
[TestClass]
public sealed class TextStreamTests
{
    [TestMethod]
    [DataRow("gpt2")]
    [DataRow("llama2")]
    [DataRow("llama3")]
    [DataRow("t5")]
    public void The_pieces_are_the_text(string kind)
    {
        var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(TestArchive.GoldenInputs, "tokenizers", kind));
        foreach (var text in (string[])["Hello world, this is a test.", "naïve café 日本語 🙂🙃 end", "a  b\n\tc"])
        {
            var ids = tokenizer.Encode(text, addSpecialTokens: false).Ids;
            var stream = new TextStream(tokenizer);
            List<string> pieces = [.. ids.Select(stream.Add), stream.Rest()];

            Assert.AreEqual(tokenizer.Decode(ids, skipSpecialTokens: true), string.Concat(pieces));
            Assert.IsGreaterThan(1, pieces.Count(p => p.Length > 0));
            Assert.DoesNotContain(p => p.Contains('\uFFFD'), pieces);
        }
    }
}
