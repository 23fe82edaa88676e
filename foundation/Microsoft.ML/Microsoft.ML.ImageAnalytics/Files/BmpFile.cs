using System.Buffers.Binary;

namespace Microsoft.ML.Data;

/// <summary>Windows bitmaps: of 1, 4, 8, 16, 24 or 32 bits a pixel, plain, with masks, or with runs of equal pixels.</summary>
internal sealed class BmpFile
{
    private const int FileHeaderSize = 14;
    private const int Plain = 0, Runs8 = 1, Runs4 = 2, Masks = 3, MasksWithAlpha = 6;

    private readonly byte[] _file;
    private readonly int _pixelsAt;
    private readonly int _bits;
    private readonly int _compression;
    private readonly bool _fromTop;
    private readonly Pixels _pixels;
    private readonly byte[] _palette = [];
    private readonly uint[] _masks = [];

    public static bool IsOne(byte[] file) => file.Length > FileHeaderSize + 12 && file[0] == 'B' && file[1] == 'M';

    public static Pixels Decode(byte[] file)
    {
        try
        {
            return new BmpFile(file).Read();
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or IndexOutOfRangeException or OverflowException)
        {
            throw new InvalidDataException("The bitmap is cut off", e);
        }
    }

    private BmpFile(byte[] file)
    {
        _file = file;
        uint at = U32(10), headerSize = U32(FileHeaderSize);
        bool old = headerSize == 12;
        if (!old && headerSize is < 40 or > 1024)
            throw new InvalidDataException($"The bitmap has a header of {headerSize} bytes, which is not known");
        long width = old ? U16(18) : (int)U32(18), height = old ? U16(20) : (int)U32(22);
        _fromTop = height < 0;
        _bits = old ? U16(24) : U16(28);
        _compression = old ? Plain : (int)U32(30);
        bool known = _compression switch
        {
            Plain => _bits is 1 or 4 or 8 or 16 or 24 or 32,
            Runs8 => _bits == 8,
            Runs4 => _bits == 4,
            Masks or MasksWithAlpha => _bits is 16 or 32,
            _ => false,
        };
        if (!known)
            throw new InvalidDataException($"Bitmaps of {_bits} bits a pixel with compression {_compression} cannot be read");
        if (at > file.Length)
            throw new InvalidDataException("The bitmap's pixels lie beyond its end");
        _pixelsAt = (int)at;
        int afterHeader = FileHeaderSize + (int)headerSize;
        if (_bits <= 8)
            _palette = Palette(afterHeader, old, old ? 0 : U32(46));
        else if (_bits is 16 or 32)
            _masks = MasksOf(afterHeader, headerSize);
        // Nothing is allocated for rows that the file has no room for; runs make many pixels of few bytes, so they count by their own limit.
        if (_compression is not (Runs8 or Runs4) && (width <= 0 || Math.Abs(height) * RowSize(width) > file.Length - _pixelsAt + 3))
            throw new InvalidDataException("The bitmap is cut off");
        _pixels = Pixels.Create(width, Math.Abs(height));
    }

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan(at, 4));

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(at, 2));

    /// <summary>Rows are padded to four bytes.</summary>
    private long RowSize(long width) => (width * _bits + 31) / 32 * 4;

    private byte[] Palette(int at, bool old, uint used)
    {
        int entry = old ? 3 : 4, count = used == 0 || used > 256 ? 1 << _bits : (int)used;
        count = Math.Min(count, Math.Max(0, (_file.Length - at) / entry));
        var colours = new byte[256 * 3];
        for (int i = 0; i < Math.Min(256, count); i++)
            _file.AsSpan(at + i * entry, 3).CopyTo(colours.AsSpan(3 * i));
        return colours;
    }

    /// <summary>Which bits are red, green, blue and alpha.</summary>
    private uint[] MasksOf(int afterHeader, uint headerSize)
    {
        if (_compression is Masks or MasksWithAlpha)
        {
            // Masks stand behind the short header, or are a part of longer ones.
            int at = headerSize == 40 ? afterHeader : FileHeaderSize + 40;
            bool hasAlpha = headerSize >= 56 || _compression == MasksWithAlpha;
            return [U32(at), U32(at + 4), U32(at + 8), hasAlpha ? U32(at + 12) : 0];
        }
        return _bits == 16 ? [0x7C00, 0x03E0, 0x001F, 0] : [0xFF0000, 0xFF00, 0xFF, 0];
    }

    private Pixels Read()
    {
        if (_compression is Runs8 or Runs4)
        {
            ReadRuns();
            return _pixels;
        }
        long rowSize = RowSize(_pixels.Width);
        for (int y = 0; y < _pixels.Height; y++)
        {
            int at = checked((int)(_pixelsAt + y * rowSize));
            for (int x = 0; x < _pixels.Width; x++)
                ReadPixel(at, x, y);
        }
        if (_masks.Length > 0 && _masks[3] != 0)
            _pixels.Premultiply();
        return _pixels;
    }

    private void ReadPixel(int row, int x, int y)
    {
        switch (_bits)
        {
            case 24:
                Set(x, y, _file[row + 3 * x], _file[row + 3 * x + 1], _file[row + 3 * x + 2], 255);
                break;
            case 16 or 32:
                uint bits = _bits == 16 ? U16(row + 2 * x) : U32(row + 4 * x);
                Set(x, y, Channel(bits, _masks[2]), Channel(bits, _masks[1]), Channel(bits, _masks[0]), _masks[3] == 0 ? (byte)255 : Channel(bits, _masks[3]));
                break;
            default:
                int perByte = 8 / _bits, shift = 8 - _bits * (x % perByte + 1);
                SetIndexed(x, y, (_file[row + x / perByte] >> shift) & ((1 << _bits) - 1));
                break;
        }
    }

    /// <summary>The bits of a mask, stretched to a byte.</summary>
    private static byte Channel(uint bits, uint mask)
    {
        if (mask == 0)
            return 0;
        int shift = System.Numerics.BitOperations.TrailingZeroCount(mask);
        ulong max = mask >> shift;
        return (byte)((((bits & mask) >> shift) * 255UL + max / 2) / max);
    }

    private void Set(int x, int y, byte blue, byte green, byte red, byte alpha)
    {
        int row = _fromTop ? y : _pixels.Height - 1 - y, i = checked((row * _pixels.Width + x) * Pixels.BytesPerPixel);
        (_pixels.Bytes[i], _pixels.Bytes[i + 1], _pixels.Bytes[i + 2], _pixels.Bytes[i + 3]) = (blue, green, red, alpha);
    }

    private void SetIndexed(int x, int y, int index)
    {
        if (x < _pixels.Width && y < _pixels.Height)
            Set(x, y, _palette[3 * index], _palette[3 * index + 1], _palette[3 * index + 2], 255);
    }

    /// <summary>Pairs of a count and a value; a count of zero begins an end of row, an end, a jump, or a stretch of single pixels.</summary>
    private void ReadRuns()
    {
        for (int i = 0; i < _pixels.Height * _pixels.Width; i++)
            SetIndexed(i % _pixels.Width, i / _pixels.Width, 0);
        int at = _pixelsAt, x = 0, y = 0, perByte = 8 / _bits;
        while (at + 1 < _file.Length && y < _pixels.Height)
        {
            int count = _file[at++], value = _file[at++];
            if (count > 0)
            {
                for (int i = 0; i < count; i++)
                    SetIndexed(x++, y, Nibble(value, i));
            }
            else if (value == 0)
            {
                x = 0;
                y++;
            }
            else if (value == 1)
            {
                return;
            }
            else if (value == 2)
            {
                x += _file[at++];
                y += _file[at++];
            }
            else
            {
                for (int i = 0; i < value; i++)
                    SetIndexed(x++, y, Nibble(_file[at + i / perByte], i));
                at += (((value + perByte - 1) / perByte) + 1) / 2 * 2;
            }
        }
    }

    private int Nibble(int value, int i) => _bits == 8 ? value : i % 2 == 0 ? value >> 4 : value & 15;
}
