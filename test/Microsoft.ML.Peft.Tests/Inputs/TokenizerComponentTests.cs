using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Inputs.Text;

namespace Microsoft.ML.Peft.Tests.Inputs;

/// <summary>Every component by itself gives what Hugging Face's tokenizers 0.22.2 gave; recorded by eng/TokenizerOracle.</summary>
[TestClass]
public sealed class TokenizerComponentTests
{
    [TestMethod]
    public void Components_are_equal()
    {
        using var recorded = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestArchive.Unpack("tokenizer-components.tar.br"), "components.json")));
        var faults = new List<string>();
        var count = 0;
        foreach (var item in recorded.RootElement.EnumerateArray())
        {
            var name = item.GetProperty("name").GetString()!;
            var tokenizer = HuggingFaceTokenizer.Parse(TokenizerText(item.GetProperty("tokenizer")), name);
            foreach (var test in item.GetProperty("cases").EnumerateArray())
            {
                count++;
                if (FaultOf(tokenizer, name, test) is { } fault)
                    faults.Add($"{name}, {JsonSerializer.Serialize(test.GetProperty("a").GetString())}: {fault}");
            }
        }
        Assert.IsGreaterThan(10_000, count);
        Assert.IsEmpty(faults, $"{faults.Count} of {count}:\n{string.Join('\n', faults.Take(5))}");
    }

    private static string TokenizerText(JsonElement tokenizer)
    {
        if (!tokenizer.TryGetProperty("golden", out var golden))
            return tokenizer.GetRawText();
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(TestArchive.Unpack("golden-inputs.tar.br"), "inputs", "tokenizers", golden.GetString()!, "tokenizer.json")))!;
        json["truncation"] = JsonNode.Parse(tokenizer.GetProperty("truncation").GetRawText());
        return json.ToJsonString();
    }

    private static string? FaultOf(HuggingFaceTokenizer tokenizer, string name, JsonElement test)
    {
        var (text, pair) = (test.GetProperty("a").GetString()!, test.GetProperty("b").GetString());
        if (test.TryGetProperty("error", out var error))
        {
            Assert.ThrowsExactly<ArgumentException>(() => tokenizer.EncodeWithDetails(text, pair), error.GetString()!);
            return null;
        }
        var encoding = tokenizer.EncodeWithDetails(text, pair);
        if (name == "bpe no unk")
        {
            // There the recorded offsets slip by every character that is dropped; ours stay where the text is.
            return EncodingText.Numbers(test.GetProperty("ids")) == EncodingText.Numbers(encoding.Ids) ? null : "ids differ";
        }
        var (expected, actual) = (EncodingText.Of(test), EncodingText.Of(encoding, text, pair));
        if (test.TryGetProperty("overflow", out var overflow))
        {
            // Cut-off rows of this kind were recorded with the types of the texts; ours have those of the template in all rows.
            var types = !name.Contains(" t5 ", StringComparison.Ordinal);
            expected += "\noverflow " + string.Join("\noverflow ", overflow.EnumerateArray().Select(row => EncodingText.Of(row, types)));
            actual += "\noverflow " + string.Join("\noverflow ", encoding.Overflowing.Select(row => EncodingText.Of(row, text, pair, types)));
        }
        if (test.TryGetProperty("decoded", out var decoded))
        {
            expected += $"\ndecoded {decoded.GetString()}\nkept {test.GetProperty("kept").GetString()}";
            actual += $"\ndecoded {tokenizer.Decode(encoding.Ids, skipSpecialTokens: true)}\nkept {tokenizer.Decode(encoding.Ids)}";
        }
        if (!tokenizer.Encode(text, pair).Ids.SequenceEqual(encoding.Ids))
            return "the ids without details differ from those with them";
        return expected == actual ? null : $"\nexpected {expected}\nactual   {actual}";
    }
}
