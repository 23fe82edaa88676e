using System.Text;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.ChatTemplates;
using Microsoft.ML.Peft.Inputs.Text.Conversion;
using Microsoft.ML.Peft.Inputs.Text.Decoders;
using Microsoft.ML.Peft.Inputs.Text.Models;
using Microsoft.ML.Peft.Inputs.Text.Normalizers;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using Microsoft.ML.Peft.Inputs.Text.PostProcessors;
using Microsoft.ML.Peft.Inputs.Text.PreTokenizers;
using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.Peft.Inputs.Text;

/// <summary>A tokenizer as a Hugging Face <c>tokenizer.json</c> describes it, with the ids that Hugging Face's own gives.</summary>
/// <remarks>Safe to use from several threads.</remarks>
public sealed partial class HuggingFaceTokenizer : Tokenizer
{
    private const long MaxFileBytes = 64L << 20;
    private const string FileName = "tokenizer.json";

    private static readonly string[] SentencePieceNames = ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model"];

    private static readonly NormalizerStep[] NoNormalizers = [];

    private readonly NormalizerStep[] _normalizers;
    private readonly PreTokenizerStep[] _preTokenizers;
    private readonly PreTokenizerStep[] _preTokenizersWithoutSplit;
    private readonly TokenModel _model;
    private readonly PostProcessor _postProcessor;
    private readonly List<DecoderStep>? _decoders;
    private readonly AddedTokens _added;
    private readonly bool _needsOrigins;
    private readonly TextTruncation? _truncation;
    private TokenizerConfig _config = new();

    private HuggingFaceTokenizer(string json, JsonPart root)
    {
        Json = json;
        _model = TokenModel.Read(root.Get("model"));
        _normalizers = [.. NormalizerStep.Read(root.Get("normalizer"))];
        _preTokenizers = [.. PreTokenizerStep.Read(root.Get("pre_tokenizer"))];
        _preTokenizersWithoutSplit = [.. _preTokenizers.Select(step => step.WithoutSplit()).OfType<PreTokenizerStep>()];
        _needsOrigins = _preTokenizers.Any(step => step is MetaspacePreTokenizer { NeedsOrigins: true });
        _postProcessor = PostProcessor.Read(root.Get("post_processor"));
        _decoders = DecoderStep.Read(root.Get("decoder"));
        _added = AddedTokens.Read(root.Get("added_tokens"), _model.Vocabulary, Normalize);
        VocabularySize = Math.Max(_model.Vocabulary.IdLimit, _added.IdLimit);
        foreach (var id in _postProcessor.SpecialIds)
        {
            if (id < 0 || id >= VocabularySize)
                throw root.Get("post_processor").Error($"uses the token id {id}; the tokenizer has ids up to {VocabularySize - 1}.", ModelFormatError.VocabMismatch);
        }
        _truncation = Truncation.Read(root.Get("truncation"));
        var padding = root.Get("padding");
        PadId = padding.IsNull ? -1 : padding.Get("pad_id").Int(0);
    }

    /// <summary>The text of the <c>tokenizer.json</c> that this was read from.</summary>
    public string Json { get; }

    /// <summary>One more than the largest token id: the number of embedding rows that a model needs.</summary>
    public int VocabularySize { get; }

    /// <summary>The id that fills short rows: the padding token, else the end-of-text token, else 0; padded places are masked.</summary>
    public int PadId { get; private set; }

    /// <summary>The chat template of the model's folder, or null if it has none.</summary>
    public ChatTemplate? ChatTemplate { get; private set; }

    /// <summary>Reads the tokenizer of a Hugging Face model folder.</summary>
    /// <remarks>
    /// <c>tokenizer.json</c>, or else <c>vocab.txt</c>, <c>vocab.json</c> with <c>merges.txt</c>, or a SentencePiece <c>.model</c>;
    /// padding token and chat template come from the files beside it.
    /// </remarks>
    /// <param name="folder">The folder.</param>
    /// <exception cref="ModelFormatException">There is none, it is damaged, or it uses something that this library does not know.</exception>
    public static HuggingFaceTokenizer Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var config = TokenizerConfig.Read(folder);
        var tokenizer = Read(folder, config);
        tokenizer.FindPadding(config.PaddingCandidates());
        tokenizer._config = config;
        if (config.ChatTemplate != null)
            tokenizer.ChatTemplate = ChatTemplate.Parse(config.ChatTemplate, Path.Combine(folder, "chat_template"));
        return tokenizer;
    }

    /// <summary>Writes a conversation as the text that the model was trained on; encode it without special tokens.</summary>
    /// <param name="messages">The turns.</param>
    /// <param name="addGenerationPrompt">Whether to end with the start of an answer.</param>
    /// <param name="variables">Further names that the template may read, such as <c>tools</c>; the special tokens are known to it.</param>
    /// <exception cref="PeftException">The model has no chat template, or the template refuses the conversation.</exception>
    /// <exception cref="ModelFormatException">The template fails or is too costly.</exception>
    public string ApplyChatTemplate(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false, IReadOnlyDictionary<string, object?>? variables = null)
    {
        if (ChatTemplate == null)
            throw new PeftException("The tokenizer has no chat template; choose a chat model, or build the prompt yourself.");
        var all = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, token) in _config.Tokens)
            all[name] = token;
        foreach (var (name, value) in variables ?? new Dictionary<string, object?>())
            all[name] = value;
        return ChatTemplate.Render(messages, addGenerationPrompt, all);
    }

    /// <summary>Reads the text of a <c>tokenizer.json</c>.</summary>
    /// <param name="tokenizerJson">The text.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="ModelFormatException">It is damaged, or uses something that this library does not know.</exception>
    public static HuggingFaceTokenizer Parse(string tokenizerJson, string name)
    {
        ArgumentNullException.ThrowIfNull(tokenizerJson);
        ArgumentException.ThrowIfNullOrEmpty(name);
        var tokenizer = ParseBytes(Encoding.UTF8.GetBytes(tokenizerJson), tokenizerJson, name);
        tokenizer.FindPadding(tokenizer._config.PaddingCandidates());
        return tokenizer;
    }

    /// <summary>The id of a token, or null if there is no such token.</summary>
    public int? TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _added.TryGetId(token, out var id) || _model.Vocabulary.TryGetId(token, out id) ? id : null;
    }

    /// <summary>The token of an id, or null if there is no such id.</summary>
    public string? IdToToken(int id) => _added.Find(id)?.Content ?? _model.Vocabulary.TokenOf(id);

    /// <summary>Encodes a text, or a pair of texts.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pair">The second text, or null.</param>
    /// <param name="addSpecialTokens">Whether to add the tokens that the model expects around texts.</param>
    /// <param name="maxLength">Most tokens in the row, special ones included; the longer text is cut first. Null: what the file says, mostly no limit.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxLength"/> leaves no room for the special tokens.</exception>
    public TextEncoding Encode(string text, string? pair = null, bool addSpecialTokens = true, int? maxLength = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        var template = TemplateOf(pair != null, addSpecialTokens);
        var scratch = EncodeScratch.Rent();
        Run(text, pair, scratch, tracked: false);
        var (first, second) = (new TokenRange(scratch.First, 0, scratch.First.Count), new TokenRange(scratch.Second, 0, scratch.Second.Count));
        if ((maxLength is { } limit ? new TextTruncation(limit) : _truncation) is { } truncation)
        {
            var (kept, keptOfPair) = Truncation.Fit(first.Count, second.Count, Room(template, truncation), truncation.Strategy);
            first = Kept(scratch.First, kept, truncation);
            second = Kept(scratch.Second, keptOfPair, truncation);
        }
        var encoding = EncodingBuilder.Build(template, first, second);
        scratch.Return();
        return encoding;
    }

    /// <summary>As <see cref="Encode"/>, with tokens, offsets, word and sequence numbers, and the rows that cut-off tokens make.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pair">The second text, or null.</param>
    /// <param name="addSpecialTokens">Whether to add the tokens that the model expects around texts.</param>
    /// <param name="truncation">How texts that are too long are cut. Null: what the file says, mostly not at all.</param>
    /// <exception cref="ArgumentException">The length leaves no room for the special tokens, or the stride none for new ones.</exception>
    public TextEncoding EncodeWithDetails(string text, string? pair = null, bool addSpecialTokens = true, TextTruncation? truncation = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        var scratch = EncodeScratch.Rent();
        Run(text, pair, scratch, tracked: true);
        return LayOut(scratch, TemplateOf(pair != null, addSpecialTokens), _ => text, pair ?? "", truncation ?? _truncation);
    }

    /// <summary>Encodes a text that is given as words, each by itself; word numbers are theirs, and offsets count within a word.</summary>
    /// <param name="words">The words.</param>
    /// <param name="addSpecialTokens">Whether to add the tokens that the model expects around texts.</param>
    /// <param name="truncation">How texts that are too long are cut. Null: what the file says, mostly not at all.</param>
    /// <exception cref="ArgumentException">The length leaves no room for the special tokens, or the stride none for new ones.</exception>
    public TextEncoding EncodeWords(IReadOnlyList<string> words, bool addSpecialTokens = true, TextTruncation? truncation = null)
    {
        ArgumentNullException.ThrowIfNull(words);
        var scratch = EncodeScratch.Rent();
        scratch.First.Reset(tracked: true);
        scratch.Second.Reset(tracked: true);
        for (var i = 0; i < words.Count; i++)
        {
            ArgumentNullException.ThrowIfNull(words[i], nameof(words));
            Run(words[i], scratch, scratch.First, _normalizers, _preTokenizers, tracked: true, word: i);
        }
        return LayOut(scratch, TemplateOf(pair: false, addSpecialTokens), word => words[word], "", truncation ?? _truncation);
    }

    private TextEncoding LayOut(EncodeScratch scratch, Template template, Func<int, string> textOfWord, string pair, TextTruncation? truncation)
    {
        List<(int Start, int End)> first = [(0, scratch.First.Count)];
        List<(int Start, int End)> second = [(0, scratch.Second.Count)];
        if (truncation != null)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(truncation.Stride, nameof(truncation));
            var (kept, keptOfPair) = Truncation.Fit(scratch.First.Count, scratch.Second.Count, Room(template, truncation), truncation.Strategy);
            first = Truncation.Parts(scratch.First.Count, kept, truncation);
            second = Truncation.Parts(scratch.Second.Count, keptOfPair, truncation);
        }
        var encoding = Detailed(first[0], second[0]);
        if (first.Count + second.Count > 2)
        {
            var others = new List<TextEncoding>();
            foreach (var part in first.Skip(1))
                others.AddRange(second.Select(other => Detailed(part, other)));
            others.AddRange(second.Skip(1).Select(other => Detailed(first[0], other)));
            encoding = encoding with { Overflowing = others };
        }
        scratch.Return();
        return encoding;

        TextEncoding Detailed((int Start, int End) one, (int Start, int End) two) => EncodingBuilder.BuildDetailed(
            template, _postProcessor, new TokenRange(scratch.First, one.Start, one.End, textOfWord), new TokenRange(scratch.Second, two.Start, two.End, _ => pair), IdToToken);
    }

    /// <summary>Turns ids back into text.</summary>
    /// <param name="ids">Token ids; ids without a token are left out.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public string Decode(IReadOnlyList<int> ids, bool skipSpecialTokens = false)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var tokens = new List<string>(ids.Count);
        foreach (var id in ids)
        {
            if (_added.Find(id) is { } added)
            {
                if (!(skipSpecialTokens && added.Special))
                    tokens.Add(added.Content);
            }
            else if (_model.Vocabulary.TokenOf(id) is { } token)
            {
                tokens.Add(token);
            }
        }
        if (_decoders == null)
            return string.Join(' ', tokens);
        foreach (var decoder in _decoders)
            decoder.Apply(tokens);
        return string.Concat(tokens);
    }

    private static HuggingFaceTokenizer Read(string folder, TokenizerConfig config)
    {
        var path = Path.Combine(folder, FileName);
        if (Path.Exists(path))
            return ParseBytes(Bytes(FileName), null, path);
        string json;
        if (Path.Exists(path = Path.Combine(folder, "vocab.txt")))
            json = VocabularyFiles.FromWordPiece(path, Bytes("vocab.txt"), config);
        else if (Path.Exists(path = Path.Combine(folder, "vocab.json")) && Path.Exists(Path.Combine(folder, "merges.txt")))
            json = VocabularyFiles.FromBytePairs(path, Bytes("vocab.json"), Path.Combine(folder, "merges.txt"), Bytes("merges.txt"), config);
        else if (SentencePieceNames.FirstOrDefault(name => Path.Exists(Path.Combine(folder, name))) is { } name)
            json = SentencePieceConverter.Convert(path = Path.Combine(folder, name), Bytes(name), config);
        else
            throw new ModelFormatException(folder, ModelFormatError.MissingFile, $"there is no tokenizer in the folder: no {FileName}, vocab.txt, vocab.json with merges.txt, {string.Join(" or ", SentencePieceNames)}.");
        return ParseBytes(Encoding.UTF8.GetBytes(json), json, path);

        byte[] Bytes(string file) => RegularFile.ReadAll(BareFileName.Resolve(folder, file, folder), MaxFileBytes);
    }

    private static HuggingFaceTokenizer ParseBytes(byte[] bytes, string? text, string name)
    {
        if (bytes.Length > MaxFileBytes)
            throw new ModelFormatException(name, ModelFormatError.LimitExceeded, $"the text has {bytes.Length} bytes; at most {MaxFileBytes} are allowed.");
        return JsonPart.Parse(name, bytes, root => new HuggingFaceTokenizer(text ?? Encoding.UTF8.GetString(bytes), root));
    }

    private void FindPadding(IEnumerable<string> candidates)
    {
        if (PadId >= 0 && PadId < VocabularySize)
            return;
        PadId = 0;
        foreach (var token in candidates)
        {
            if (TokenToId(token) is { } id)
            {
                PadId = id;
                return;
            }
        }
    }

    private Template TemplateOf(bool pair, bool addSpecialTokens) => (addSpecialTokens, pair) switch
    {
        (true, false) => _postProcessor.Single,
        (true, true) => _postProcessor.Pair,
        (false, false) => _postProcessor.Bare.Single,
        (false, true) => _postProcessor.Bare.Pair,
    };

    private static int Room(Template template, TextTruncation truncation) => truncation.MaxLength >= template.SpecialCount
        ? truncation.MaxLength - template.SpecialCount
        : throw new ArgumentOutOfRangeException("maxLength", truncation.MaxLength, $"A row needs {template.SpecialCount} tokens for the model's own special tokens alone.");

    private static TokenRange Kept(TokenSink sink, int count, TextTruncation truncation)
    {
        var start = truncation.Side == TextSide.Right ? 0 : sink.Count - count;
        return new TokenRange(sink, start, start + count);
    }

    private void Run(string text, string? pair, EncodeScratch scratch, bool tracked)
    {
        Run(text, scratch, scratch.First, _normalizers, _preTokenizers, tracked);
        if (pair != null)
            Run(pair, scratch, scratch.Second, _normalizers, _preTokenizers, tracked);
        else
            scratch.Second.Reset(tracked);
    }

    /// <summary>Normalizes, splits and tokenizes one text into the emptied <paramref name="sink"/>, or adds it there as one word.</summary>
    private void Run(ReadOnlySpan<char> text, EncodeScratch scratch, TokenSink sink, NormalizerStep[] normalizers, PreTokenizerStep[] preTokenizers, bool tracked, int word = -1)
    {
        var pieces = scratch.Pieces;
        pieces.Reset(tracked || _needsOrigins);
        var (search, taken) = (0, 0);
        while (!_added.Raw.IsEmpty && _added.Raw.Next(text, ref search, taken, out var start, out var stop) is { } token)
        {
            AddText(text[taken..start], taken, scratch, normalizers);
            var at = pieces.Text.Length;
            pieces.Text.Load(text[start..stop], start);
            pieces.Add(at, pieces.Text.Length, token.Id);
            taken = stop;
        }
        AddText(text[taken..], taken, scratch, normalizers);
        foreach (var step in preTokenizers)
            step.Apply(pieces);
        if (word < 0)
            sink.Reset(tracked);
        else
            sink.Word = word;
        foreach (var piece in pieces.Items)
        {
            if (piece.Token == Piece.NoToken)
                _model.Tokenize(pieces.Text, piece.Start, piece.End, sink);
            else
                sink.AddAsIs(piece.Token, pieces.Text, piece.Start, piece.End);
            if (word < 0)
                sink.Word++;
        }
    }

    /// <summary>Normalizes a stretch of text and cuts the tokens out that are looked for afterwards.</summary>
    private void AddText(ReadOnlySpan<char> text, int origin, EncodeScratch scratch, NormalizerStep[] normalizers)
    {
        if (text.IsEmpty)
            return;
        var pieces = scratch.Pieces;
        var from = pieces.Text.Length;
        if (normalizers.Length == 0)
        {
            pieces.Text.Load(text, origin);
        }
        else
        {
            scratch.Before.Reset(pieces.Text.Tracked);
            scratch.Before.Load(text, origin);
            foreach (var step in normalizers)
            {
                scratch.After.Reset(pieces.Text.Tracked);
                if (step.Apply(scratch.Before, scratch.After))
                    (scratch.Before, scratch.After) = (scratch.After, scratch.Before);
            }
            pieces.Text.AddRange(scratch.Before, 0, scratch.Before.Length);
        }
        var (search, taken) = (0, 0);
        var normalized = pieces.Text.Text[from..];
        while (!_added.Normalized.IsEmpty && _added.Normalized.Next(normalized, ref search, taken, out var start, out var stop) is { } token)
        {
            pieces.Add(from + taken, from + start);
            pieces.Add(from + start, from + stop, token.Id);
            taken = stop;
        }
        pieces.Add(from + taken, from + normalized.Length);
    }

    private string Normalize(string text)
    {
        var (before, after) = (new TextBuffer(), new TextBuffer());
        before.Reset(tracked: false);
        before.Load(text, 0);
        foreach (var step in _normalizers)
        {
            after.Reset(tracked: false);
            if (step.Apply(before, after))
                (before, after) = (after, before);
        }
        return before.Text.ToString();
    }
}
