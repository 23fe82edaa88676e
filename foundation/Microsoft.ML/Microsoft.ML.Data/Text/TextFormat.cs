using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>How the fields of a line are written.</summary>
internal sealed class TextFormat
{
    public static readonly VersionInfo Version = new("TXTLOADR", 0x0001000E, 0x0001000A, 0x00010009, "TextLoader", VersionInfo.DataAssembly);

    [Flags]
    private enum Flags : uint
    {
        TrimWhitespace = 1,
        HasHeader = 2,
        AllowQuoting = 4,
        AllowSparse = 8,
        ReadMultilines = 16,
        MissingRealsAsNaNs = 32,
    }

    private Flags _flags;

    private TextFormat()
    {
    }

    public char[] Separators { get; private init; }

    public bool SpaceSeparates => Separators.Contains(' ');

    public char EscapeChar { get; private init; }

    public char DecimalMarker { get; private init; }

    public long MaxRows { get; private init; }

    /// <summary>Number of fields of sparse lines; 0 where each line says it.</summary>
    public int InputSize { get; private init; }

    public bool TrimWhitespace => _flags.HasFlag(Flags.TrimWhitespace);

    public bool HasHeader => _flags.HasFlag(Flags.HasHeader);

    public bool AllowQuoting => _flags.HasFlag(Flags.AllowQuoting);

    public bool AllowSparse => _flags.HasFlag(Flags.AllowSparse);

    public bool ReadMultilines => _flags.HasFlag(Flags.ReadMultilines);

    public bool MissingRealsAsNaNs => _flags.HasFlag(Flags.MissingRealsAsNaNs);

    public static TextFormat Create(TextLoader.Options options, bool hasHeader)
    {
        var flags = (options.TrimWhitespace ? Flags.TrimWhitespace : 0) | (hasHeader ? Flags.HasHeader : 0)
            | (options.AllowQuoting ? Flags.AllowQuoting : 0) | (options.AllowSparse ? Flags.AllowSparse : 0)
            | (options.AllowQuoting && options.ReadMultilines ? Flags.ReadMultilines : 0)
            | (options.MissingRealsAsNaNs ? Flags.MissingRealsAsNaNs : 0);
        Contracts.CheckParam(options.Separators is { Length: > 0 }, "Separator", "Must specify a separator");
        var separators = options.Separators.Distinct().ToArray();
        foreach (char c in separators)
        {
            if ((c < ' ' && c != '\t') || char.IsAsciiDigit(c) || c == '"')
                throw Contracts.ExceptParam("Separator", $"Illegal separator: '{c}'");
            Contracts.CheckParam(c != ':' || !options.AllowSparse, "Separator", "When the separator is colon, turn off allowSparse");
        }
        if (options.DecimalMarker is not ('.' or ','))
        {
            throw Contracts.ExceptParam(nameof(options.DecimalMarker),
                $"Decimal marker cannot be the '{options.DecimalMarker}' character. It must be '.' or ','.");
        }
        if (!options.AllowQuoting && options.DecimalMarker == ',' && separators.Contains(','))
        {
            throw Contracts.ExceptParam(nameof(options.AllowQuoting),
                "Quoting must be allowed if decimal marker and separator are the ',' character.");
        }
        if (separators.Contains(options.EscapeChar))
        {
            throw Contracts.ExceptParam(nameof(options.EscapeChar),
                $"EscapeChar '{options.EscapeChar}' can't be used both as EscapeChar and separator");
        }
        long rows = options.MaxRows ?? long.MaxValue;
        Contracts.CheckParam(rows >= 0, nameof(options.MaxRows));
        int inputSize = options.InputSize ?? 0;
        Contracts.Check(inputSize >= 0, "inputSize");
        return new TextFormat
        {
            _flags = flags,
            Separators = separators,
            EscapeChar = options.EscapeChar,
            DecimalMarker = options.DecimalMarker,
            MaxRows = rows,
            InputSize = Math.Min(inputSize, int.MaxValue - 1),
        };
    }

    public void Save(ModelSaveContext ctx)
    {
        ctx.Writer.Write(sizeof(float));
        ctx.Writer.Write(MaxRows);
        ctx.Writer.Write((uint)_flags);
        ctx.Writer.Write(InputSize);
        ctx.Writer.Write(Separators.Length);
        foreach (char c in Separators)
            ctx.Writer.Write((short)c);
        ctx.Writer.Write(EscapeChar);
        ctx.Writer.Write(DecimalMarker);
    }

    public static TextFormat Load(ModelLoadContext ctx)
    {
        Contracts.CheckDecode(ctx.Reader.ReadInt32() == sizeof(float));
        long rows = ctx.Reader.ReadInt64();
        var flags = (Flags)ctx.Reader.ReadUInt32();
        int inputSize = ctx.Reader.ReadInt32();
        var separators = new char[ctx.ReadCount(2)];
        for (int i = 0; i < separators.Length; i++)
            separators[i] = (char)ctx.Reader.ReadUInt16();
        Contracts.CheckDecode(rows >= 0 && inputSize >= 0 && inputSize < int.MaxValue && separators.Length > 0);
        Contracts.CheckDecode(((uint)flags & ~0x3Fu) == 0 && !separators.Any(c => "\0\r\n\"0123456789".Contains(c)));
        char escape = '"', marker = '.';
        if (ctx.VersionWritten >= 0x0001000D)
        {
            escape = ctx.Reader.ReadChar();
            marker = ctx.Reader.ReadChar();
        }
        Contracts.CheckDecode(marker is '.' or ',' && !separators.Contains(escape));
        return new TextFormat { _flags = flags, Separators = separators, EscapeChar = escape, DecimalMarker = marker, MaxRows = rows, InputSize = inputSize };
    }
}
