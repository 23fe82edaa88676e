using System.Buffers.Binary;
using System.Text;
using Microsoft.ML.Peft.Checkpoints;

namespace Microsoft.ML.Peft.Inputs.Text.Conversion;

/// <summary>What a piece of a SentencePiece model is.</summary>
internal enum PieceKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

/// <summary>The parts of a SentencePiece <c>.model</c> file that tokenizing needs, read from its protocol buffer.</summary>
internal sealed class SentencePieceModel
{
    private const int MaxPieces = Models.Vocabulary.MaxTokens;

    private readonly string _file;

    private SentencePieceModel(string file) => _file = file;

    public List<(string Text, float Score, PieceKind Kind)> Pieces { get; } = [];

    /// <summary>1 unigram, 2 byte pairs; others are not supported.</summary>
    public int ModelType { get; private set; } = 1;

    public bool ByteFallback { get; private set; }

    public byte[] CharsMap { get; private set; } = [];

    public bool AddDummyPrefix { get; private set; } = true;

    public bool RemoveExtraBlanks { get; private set; } = true;

    public static SentencePieceModel Read(string file, byte[] bytes)
    {
        var model = new SentencePieceModel(file);
        foreach (var (field, _, content) in model.Fields(bytes))
        {
            switch (field)
            {
                case 1:
                    model.ReadPiece(content);
                    break;
                case 2:
                    model.ReadTrainer(content);
                    break;
                case 3:
                    model.ReadNormalizer(content);
                    break;
            }
        }
        if (model.Pieces.Count == 0)
            throw model.Error(ModelFormatError.InvalidEntry, "the file has no pieces; it is no SentencePiece model.");
        return model;
    }

    private void ReadPiece(ReadOnlyMemory<byte> bytes)
    {
        var (text, score, kind) = ("", 0f, 1L);
        foreach (var (field, number, content) in Fields(bytes))
        {
            if (field == 1)
                text = System.Text.Unicode.Utf8.IsValid(content.Span) ? Encoding.UTF8.GetString(content.Span) : throw Error(ModelFormatError.InvalidUtf8, "a piece is not UTF-8.");
            else if (field == 2)
                score = BitConverter.Int32BitsToSingle((int)number);
            else if (field == 3)
                kind = number;
        }
        if (!float.IsFinite(score) || kind is < 1 or > 6)
            throw Error(ModelFormatError.InvalidEntry, $"piece {Pieces.Count} has the score {score} and the kind {kind}.");
        if (Pieces.Count == MaxPieces)
            throw Error(ModelFormatError.LimitExceeded, $"the file has more than {MaxPieces} pieces.");
        Pieces.Add((text, score, (PieceKind)kind));
    }

    private void ReadTrainer(ReadOnlyMemory<byte> bytes)
    {
        foreach (var (field, number, _) in Fields(bytes))
        {
            if (field == 3)
                ModelType = (int)number;
            else if (field == 35)
                ByteFallback = number != 0;
            else if (field == 24 && number != 0)
                throw Error(ModelFormatError.Unsupported, "the model writes blanks after words, which is not supported.");
        }
    }

    private void ReadNormalizer(ReadOnlyMemory<byte> bytes)
    {
        foreach (var (field, number, content) in Fields(bytes))
        {
            if (field == 2)
                CharsMap = content.ToArray();
            else if (field == 3)
                AddDummyPrefix = number != 0;
            else if (field == 4)
                RemoveExtraBlanks = number != 0;
            else if (field == 5 && number == 0)
                throw Error(ModelFormatError.Unsupported, "the model keeps blanks as they are, which is not supported.");
        }
    }

    /// <summary>The fields of a message: number, value, and content where it has a length.</summary>
    private IEnumerable<(int Field, long Number, ReadOnlyMemory<byte> Content)> Fields(ReadOnlyMemory<byte> bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var tag = Varint(bytes.Span, ref at);
            var field = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    yield return (field, (long)Varint(bytes.Span, ref at), default);
                    break;
                case 1:
                    Need(bytes, at, 8);
                    at += 8;
                    break;
                case 2:
                    var length = Varint(bytes.Span, ref at);
                    if (length > (ulong)(bytes.Length - at))
                        throw Damaged();
                    yield return (field, 0, bytes.Slice(at, (int)length));
                    at += (int)length;
                    break;
                case 5:
                    Need(bytes, at, 4);
                    yield return (field, BinaryPrimitives.ReadInt32LittleEndian(bytes.Span[at..]), default);
                    at += 4;
                    break;
                default:
                    throw Damaged();
            }
        }
    }

    private ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (at >= bytes.Length)
                throw Damaged();
            var part = bytes[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
        throw Damaged();
    }

    private void Need(ReadOnlyMemory<byte> bytes, int at, int count)
    {
        if (bytes.Length - at < count)
            throw Damaged();
    }

    private ModelFormatException Damaged() => Error(ModelFormatError.InvalidEntry, "the file is damaged or no SentencePiece model.");

    private ModelFormatException Error(ModelFormatError error, string message) => new(_file, error, message);
}
