using System.Text.Json.Nodes;
using Microsoft.ML.Peft.Checkpoints;
using Microsoft.ML.Peft.Inputs.Text.Pipeline;
using static Microsoft.ML.Peft.Inputs.Text.Conversion.TokenizerJsonWriter;

namespace Microsoft.ML.Peft.Inputs.Text.Conversion;

/// <summary>Turns a SentencePiece model into a <c>tokenizer.json</c> that gives the same ids.</summary>
internal static class SentencePieceConverter
{
    private const string Blank = "▁";

    public static string Convert(string path, byte[] bytes, TokenizerConfig config)
    {
        var model = SentencePieceModel.Read(path, bytes);
        if (config.TokenizerClass.Contains("XLMRoberta", StringComparison.Ordinal))
            Renumber(model);
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (text, _, _) in model.Pieces)
        {
            if (!ids.TryAdd(text, ids.Count))
                throw new ModelFormatException(path, ModelFormatError.VocabMismatch, $"the piece '{Models.Vocabulary.Shown(text)}' stands twice in the file.");
        }
        var unknown = model.Pieces.FindIndex(piece => piece.Kind == PieceKind.Unknown);
        if (unknown < 0)
            throw new ModelFormatException(path, ModelFormatError.VocabMismatch, "the model has no unknown piece.");
        var added = model.Pieces.Select((piece, id) => (piece, id))
            .Where(p => p.piece.Kind is PieceKind.Control or PieceKind.Unknown or PieceKind.UserDefined)
            .Select(p => Special(p.piece.Text, p.id, special: p.piece.Kind != PieceKind.UserDefined));
        var json = model.ModelType switch
        {
            1 => UnigramModel(model, unknown),
            2 => BytePairModel(model, ids, unknown),
            var other => throw new ModelFormatException(path, ModelFormatError.Unsupported, $"the model is of type {other}; 1 (unigram) and 2 (byte pairs) are supported."),
        };
        return Write(json, Normalizer(model), null, Layout(path, ids, config), Decoder(model), added);
    }

    /// <summary>The order of ids that the XLM-RoBERTa family puts over its model.</summary>
    private static void Renumber(SentencePieceModel model)
    {
        var rest = model.Pieces.Skip(3).ToList();
        model.Pieces.Clear();
        model.Pieces.AddRange([("<s>", 0, PieceKind.Control), ("<pad>", 0, PieceKind.Control), ("</s>", 0, PieceKind.Control), ("<unk>", 0, PieceKind.Unknown)]);
        model.Pieces.AddRange(rest);
        model.Pieces.Add(("<mask>", 0, PieceKind.Control));
    }

    private static JsonObject UnigramModel(SentencePieceModel model, int unknown)
    {
        // Only normal pieces are found in text; the others keep their id with a score that never wins.
        var lowest = model.Pieces.Where(p => p.Kind == PieceKind.Normal).Select(p => p.Score).DefaultIfEmpty(0).Min();
        return new JsonObject
        {
            ["type"] = "Unigram",
            ["unk_id"] = unknown,
            ["byte_fallback"] = model.ByteFallback,
            ["vocab"] = new JsonArray([.. model.Pieces.Select(p => new JsonArray(p.Text, p.Kind is PieceKind.Normal or PieceKind.UserDefined ? (double)p.Score : lowest))]),
        };
    }

    private static JsonObject BytePairModel(SentencePieceModel model, Dictionary<string, int> ids, int unknown)
    {
        var vocabulary = new JsonObject();
        foreach (var (token, id) in ids)
            vocabulary.Add(token, id);
        // A piece is made of any two pieces that it splits into; the best score is joined first.
        var merges = new JsonArray();
        foreach (var (piece, _, _) in model.Pieces.Where(p => p.Kind == PieceKind.Normal && p.Text.Length > 1).OrderByDescending(p => p.Score))
        {
            var splits = Enumerable.Range(1, piece.Length - 1)
                .Where(at => !char.IsLowSurrogate(piece[at]))
                .Select(at => (Left: piece[..at], Right: piece[at..]))
                .Where(split => IsNormal(split.Left) && IsNormal(split.Right))
                .OrderBy(split => ids[split.Left]).ThenBy(split => ids[split.Right]);
            foreach (var (left, right) in splits)
                merges.Add(new JsonArray(left, right));
        }
        return new JsonObject
        {
            ["type"] = "BPE",
            ["unk_token"] = model.Pieces[unknown].Text,
            ["fuse_unk"] = true,
            ["byte_fallback"] = model.ByteFallback,
            ["vocab"] = vocabulary,
            ["merges"] = merges,
        };

        bool IsNormal(string text) => ids.TryGetValue(text, out var id) && model.Pieces[id].Kind == PieceKind.Normal;
    }

    private static JsonObject Normalizer(SentencePieceModel model)
    {
        var steps = new List<JsonNode>();
        if (model.CharsMap.Length > 0)
            steps.Add(new JsonObject { ["type"] = "Precompiled", ["precompiled_charsmap"] = System.Convert.ToBase64String(model.CharsMap) });
        if (model.RemoveExtraBlanks)
        {
            steps.Add(ReplaceMatches(@"\A +| +\z", ""));
            steps.Add(ReplaceMatches(" {2,}", " "));
        }
        if (model.AddDummyPrefix)
            steps.Add(new JsonObject { ["type"] = "Prepend", ["prepend"] = Blank });
        steps.Add(ReplaceText(" ", Blank));
        return Sequence("normalizers", [.. steps]);
    }

    private static JsonObject Decoder(SentencePieceModel model)
    {
        var steps = new List<JsonNode> { ReplaceText(Blank, " "), new JsonObject { ["type"] = "ByteFallback" }, new JsonObject { ["type"] = "Fuse" } };
        if (model.AddDummyPrefix)
            steps.Add(new JsonObject { ["type"] = "Strip", ["content"] = " ", ["start"] = 1, ["stop"] = 0 });
        return Sequence("decoders", [.. steps]);
    }

    /// <summary>Where start and end tokens go: as the family has it, unless the configuration says otherwise.</summary>
    private static JsonObject? Layout(string path, Dictionary<string, int> ids, TokenizerConfig config)
    {
        string Token(string key, string usual) => config.Tokens.GetValueOrDefault(key, usual);
        var (start, end) = (Token("bos_token", "<s>"), Token("eos_token", "</s>"));
        if (config.TokenizerClass.Contains("XLMRoberta", StringComparison.Ordinal))
            return Template("<s> $A </s>", "<s> $A </s> </s> $B </s>", Id);
        var family = config.TokenizerClass;
        var bos = config.Flag("add_bos_token", family.Contains("Llama", StringComparison.Ordinal) || family.Contains("Gemma", StringComparison.Ordinal)) ? start + " " : "";
        var eos = config.Flag("add_eos_token", family.Contains("T5", StringComparison.Ordinal)) ? " " + end : "";
        var pairType = bos.Length > 0 ? ":1" : "";
        return bos.Length + eos.Length == 0 ? null : Template($"{bos}$A{eos}", $"{bos}$A{eos} {bos.Replace(" ", pairType + " ", StringComparison.Ordinal)}$B{pairType}{eos}{(eos.Length > 0 ? pairType : "")}", Id);

        int Id(string token) => ids.TryGetValue(token, out var id)
            ? id
            : throw new ModelFormatException(path, ModelFormatError.VocabMismatch, $"the model lacks the special token '{Models.Vocabulary.Shown(token)}'.");
    }
}
