namespace Microsoft.ML.Peft.Inputs.Text.Unicode;

/// <summary>Decompositions, compositions and combining classes of Unicode 15, made by eng/UnicodeTables.</summary>
/// <remarks>
/// The runtime's own <c>string.Normalize</c> follows the system's ICU, and returns its input where there is none; token
/// ids must not depend on that.
/// </remarks>
internal static class UnicodeTables
{
    private const int PageBits = 7;
    private const int PageSize = 1 << PageBits;
    private const int HangulBase = 0xAC00;
    private const int HangulCount = 11172;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TailBase = 0x11A7;
    private const int VowelCount = 21;
    private const int TailCount = 28;
    private const int LeadCount = 19;

    // Page of a code point, then its entry: class and the two decompositions. Page 0 is the empty one.
    private static readonly byte[] PageOf = new byte[0x110000 >> PageBits];
    private static readonly List<ushort[]> Pages = [new ushort[PageSize]];
    private static readonly List<Entry> Entries = [new Entry(0, [], [])];
    private static readonly Dictionary<long, int> Compositions = [];

    static UnicodeTables()
    {
        using var stream = typeof(UnicodeTables).Assembly.GetManifestResourceStream("Microsoft.ML.Peft.Inputs.Text.Unicode.normalization.bin")
            ?? throw new InvalidOperationException("The library was built without its Unicode tables.");
        using var reader = new BinaryReader(stream);
        ReadClasses(reader);
        ReadDecompositions(reader);
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            var (first, second) = (reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt());
            Compositions.Add(Pair(first, second), reader.Read7BitEncodedInt());
            // Some vowel signs start no sequence of their own accord but compose: they are not plain either.
            if (Pages[PageOf[second >> PageBits]][second & (PageSize - 1)] == 0)
                Put(second, new Entry(0, [], []));
        }
    }

    /// <summary>The canonical combining class; 0 for a character that starts a sequence.</summary>
    public static int CombiningClass(int code) => EntryOf(code).Class;

    /// <summary>True if no normal form changes the unit, moves it or composes it with its neighbours.</summary>
    public static bool IsPlain(char c) =>
        c < 0xA0 || (Pages[PageOf[c >> PageBits]][c & (PageSize - 1)] == 0 && !IsHangul(c) && !char.IsSurrogate(c) && c is < '\u1100' or > '\u11FF');

    /// <summary>Writes the full decomposition of a character and returns its length; 0 if it is its own.</summary>
    public static int Decompose(int code, bool compatible, Span<int> destination)
    {
        if (IsHangul(code))
        {
            var index = code - HangulBase;
            destination[0] = LeadBase + (index / (VowelCount * TailCount));
            destination[1] = VowelBase + (index % (VowelCount * TailCount) / TailCount);
            if (index % TailCount == 0)
                return 2;
            destination[2] = TailBase + (index % TailCount);
            return 3;
        }
        var entry = EntryOf(code);
        var parts = compatible && entry.Compatible.Length > 0 ? entry.Compatible : entry.Canonical;
        parts.CopyTo(destination);
        return parts.Length;
    }

    /// <summary>Longest decomposition of a single character, in characters.</summary>
    public const int LongestDecomposition = 32;

    /// <summary>The character that two others compose to, or −1.</summary>
    public static int Compose(int first, int second)
    {
        if (first is >= LeadBase and < LeadBase + LeadCount && second is >= VowelBase and < VowelBase + VowelCount)
            return HangulBase + ((((first - LeadBase) * VowelCount) + (second - VowelBase)) * TailCount);
        if (IsHangul(first) && (first - HangulBase) % TailCount == 0 && second is > TailBase and < TailBase + TailCount)
            return first + (second - TailBase);
        return Compositions.TryGetValue(Pair(first, second), out var composed) ? composed : -1;
    }

    private static bool IsHangul(int code) => (uint)(code - HangulBase) < HangulCount;

    private static long Pair(int first, int second) => ((long)first << 32) | (uint)second;

    private static Entry EntryOf(int code) => Entries[Pages[PageOf[code >> PageBits]][code & (PageSize - 1)]];

    private static void ReadClasses(BinaryReader reader)
    {
        var start = 0;
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            start += reader.Read7BitEncodedInt();
            var length = reader.Read7BitEncodedInt();
            var value = reader.ReadByte();
            for (var code = start; code < start + length; code++)
                Put(code, new Entry(value, [], []));
        }
    }

    private static void ReadDecompositions(BinaryReader reader)
    {
        var code = 0;
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            code += reader.Read7BitEncodedInt();
            Put(code, new Entry(EntryOf(code).Class, ReadNumbers(reader), ReadNumbers(reader)));
        }
    }

    private static int[] ReadNumbers(BinaryReader reader)
    {
        var numbers = new int[reader.ReadByte()];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = reader.Read7BitEncodedInt();
        return numbers;
    }

    private static void Put(int code, Entry entry)
    {
        ref var page = ref PageOf[code >> PageBits];
        if (page == 0)
        {
            page = checked((byte)Pages.Count);
            Pages.Add(new ushort[PageSize]);
        }
        Pages[page][code & (PageSize - 1)] = checked((ushort)Entries.Count);
        Entries.Add(entry);
    }

    private readonly record struct Entry(byte Class, int[] Canonical, int[] Compatible);
}
