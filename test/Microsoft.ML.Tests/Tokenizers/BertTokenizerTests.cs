using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace FoundationTests.Tokenizers;

/// <summary>BERT's tokenizer and word pieces over a small vocabulary, by hand.</summary>
[TestClass]
public sealed class BertTokenizerTests
{
    private static readonly string[] Vocabulary =
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "un", "##break", "##able", "key", "##s", ".", ",", "漢", "café", "!", "The"];

    private static Stream File => new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', Vocabulary)));

    private static string[] Pieces(Tokenizer tokenizer, string text) => [.. tokenizer.EncodeToTokens(text, out _).Select(t => t.Value)];

    [TestMethod]
    [DataRow("The unbreakable keys.", "the un ##break ##able key ##s .")]
    [DataRow("unbreakXable keys", "[UNK] key ##s")]
    [DataRow("a [MASK] [cls]", "[UNK] [MASK] [CLS]")]
    [DataRow("漢漢the", "漢 漢 the")]
    [DataRow("the\u0000\u0007 \u00a0key", "the key")]
    [DataRow("the + key $", "the key")]
    [DataRow("", "")]
    public void Text_becomes_pieces(string text, string pieces) => Assert.AreEqual(pieces, string.Join(' ', Pieces(BertTokenizer.Create(File), text)));

    [TestMethod]
    public void Case_is_kept_where_it_is_asked_for()
    {
        var options = new BertOptions { LowerCaseBeforeTokenization = false };
        CollectionAssert.AreEqual(new[] { "The", "key" }, Pieces(BertTokenizer.Create(File, options), "The key"));
    }

    [TestMethod]
    public void Ids_stand_between_the_special_tokens()
    {
        var tokenizer = BertTokenizer.Create(File);
        CollectionAssert.AreEqual(new[] { 2, 5, 9, 10, 3 }, tokenizer.EncodeToIds("The keys").ToArray());
        CollectionAssert.AreEqual(new[] { 5, 9, 10 }, tokenizer.EncodeToIds("The keys", addSpecialTokens: false).ToArray());
        Assert.AreEqual(3, tokenizer.CountTokens("The keys"));
        CollectionAssert.AreEqual(new[] { 2, 5, 3 }, tokenizer.EncodeToIds("The keys", 4, out string? normalized, out _).ToArray());
        Assert.AreEqual("the keys", normalized);
        Assert.IsEmpty(tokenizer.EncodeToIds("The keys", 1, out _, out _));
    }

    [TestMethod]
    public void Pairs_have_masks_and_types()
    {
        var tokenizer = BertTokenizer.Create(File);
        CollectionAssert.AreEqual(new[] { 2, 5, 9, 3, 12, 3 }, tokenizer.BuildInputsWithSpecialTokens([5, 9], [12]).ToArray());
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 0, 1, 1 }, tokenizer.CreateTokenTypeIdsFromSequences([5, 9], [12]).ToArray());
        CollectionAssert.AreEqual(new[] { 1, 0, 0, 1, 0, 1 }, tokenizer.GetSpecialTokensMask([5, 9], [12]).ToArray());
        CollectionAssert.AreEqual(new[] { 1, 0, 1 }, tokenizer.GetSpecialTokensMask([2, 5, 3], alreadyHasSpecialTokens: true).ToArray());
        Span<int> small = new int[5], right = new int[6];
        Assert.AreEqual(OperationStatus.DestinationTooSmall, tokenizer.BuildInputsWithSpecialTokens([5, 9], small, out int written, [12]));
        Assert.AreEqual(0, written);
        Assert.AreEqual(OperationStatus.Done, tokenizer.BuildInputsWithSpecialTokens([5, 9], right, out written, [12]));
        Assert.AreEqual(6, written);
    }

    [TestMethod]
    public void Ids_become_text()
    {
        var tokenizer = BertTokenizer.Create(File);
        Assert.AreEqual("[CLS] the unbreakable keys. [SEP]", tokenizer.Decode([2, 5, 6, 7, 8, 9, 10, 11, 3]));
        Assert.AreEqual("the keys", tokenizer.Decode([2, 5, 9, 10, 3], skipSpecialTokens: true));
        Span<char> text = new char[20];
        Assert.AreEqual(OperationStatus.Done, tokenizer.Decode([5, 9, 10], text, out int ids, out int chars));
        Assert.AreEqual("the keys", text[..chars].ToString());
        Assert.AreEqual(3, ids);
        Assert.AreEqual(OperationStatus.DestinationTooSmall, tokenizer.Decode([5, 9, 10], text[..6], out ids, out chars));
        Assert.AreEqual((1, 3), (ids, chars));
        Assert.AreEqual(OperationStatus.InvalidData, tokenizer.Decode([99], text, out _, out _));
    }

    [TestMethod]
    public void The_place_where_a_count_of_tokens_ends_is_found()
    {
        var tokenizer = WordPieceTokenizer.Create(File);
        Assert.AreEqual(4, tokenizer.GetIndexByTokenCount("the unbreakable key", 3, out _, out int count));
        Assert.AreEqual(1, count);
        Assert.AreEqual(15, tokenizer.GetIndexByTokenCountFromEnd("the unbreakable key", 3, out _, out count));
        Assert.AreEqual(1, count);
        Assert.AreEqual(19, tokenizer.GetIndexByTokenCount("the unbreakable key", 30, out _, out count));
        Assert.AreEqual(5, count);
    }

    [TestMethod]
    public async Task Bad_vocabularies_and_settings_are_refused()
    {
        Assert.ThrowsExactly<ArgumentException>(() => WordPieceTokenizer.Create(new MemoryStream("a\nb"u8.ToArray())));
        Assert.ThrowsExactly<ArgumentException>(() => BertTokenizer.Create(new MemoryStream("[UNK]\n[CLS]"u8.ToArray())));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => WordPieceTokenizer.Create(File, new WordPieceOptions { MaxInputCharsPerWord = 0 }));
        Assert.ThrowsExactly<ArgumentNullException>(() => WordPieceTokenizer.Create((Stream)null!));
        Assert.AreEqual(2, (await BertTokenizer.CreateAsync(File)).ClassificationTokenId);
        var tokenizer = WordPieceTokenizer.Create(File, new WordPieceOptions { MaxInputCharsPerWord = 3 });
        CollectionAssert.AreEqual(new[] { "the", "[UNK]" }, Pieces(tokenizer, "the keys"));
    }
}
