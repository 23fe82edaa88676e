using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>The checked table of contents of a safetensors file.</summary>
/// <remarks>
/// Everything is checked before any tensor is allocated: a header that passes describes exactly the bytes of its file,
/// without holes, overlaps or repeated names.
/// </remarks>
internal sealed class SafetensorsHeader
{
    public const long MaxHeaderLength = 100_000_000;
    public const int MaxTensors = 1_000_000;
    public const int MaxNameLength = 1024;
    private const int MaxRank = 16;
    private const int MaxDepth = 4;
    private const ulong MaxDimension = 1UL << 48;
    private const string MetadataKey = "__metadata__";

    private readonly string _file;
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SafetensorsEntry> _entries = new(StringComparer.Ordinal);

    private SafetensorsHeader(string file) => _file = file;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <summary>The checked length of the header, from the first 8 bytes of the file.</summary>
    public static int CheckLength(string file, ulong stated, long fileLength)
    {
        if (stated > MaxHeaderLength)
            throw new ModelFormatException(file, ModelFormatError.HeaderTooLarge, $"the header claims {stated} bytes; at most {MaxHeaderLength} are allowed. Is this a safetensors file?");
        if ((long)stated > fileLength - 8)
            throw new ModelFormatException(file, ModelFormatError.InvalidHeaderLength, $"the header claims {stated} bytes but the file has {fileLength - 8} after its length field; it is cut off or no safetensors file.");
        return (int)stated;
    }

    /// <summary>Parses and checks a header that describes <paramref name="dataLength"/> bytes of data.</summary>
    public static SafetensorsHeader Parse(string file, ReadOnlySpan<byte> json, long dataLength)
    {
        var header = new SafetensorsHeader(file);
        header.CheckText(json);
        try
        {
            header.ReadObject(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException is what the reader throws for a lone surrogate in an escape.
            throw header.Error(ModelFormatError.InvalidJson, "the header has a string that is no valid text.", e);
        }
        header.CheckLayout(dataLength);
        return header;
    }

    /// <summary>First pass: is it JSON at all, and small enough to be worth a second look.</summary>
    private void CheckText(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
            throw Error(ModelFormatError.InvalidUtf8, "the header is not UTF-8.");
        if (json.IsEmpty || json[0] != (byte)'{')
            throw Error(ModelFormatError.InvalidJson, "the header must be a JSON object that starts with '{'.");
        var names = 0;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 64 });
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray && reader.CurrentDepth >= MaxDepth)
                    throw Error(ModelFormatError.LimitExceeded, $"the header is nested deeper than {MaxDepth} levels.");
                if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1 && ++names > MaxTensors + 1)
                    throw Error(ModelFormatError.LimitExceeded, $"the header lists more than {MaxTensors} tensors.");
            }
        }
        catch (JsonException e)
        {
            throw Error(ModelFormatError.InvalidJson, $"the header is not valid JSON (line {e.LineNumber}, byte {e.BytePositionInLine}).", e);
        }
    }

    private void ReadObject(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        var sawMetadata = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueSpan.Length > MaxNameLength * 6)
                throw Error(ModelFormatError.InvalidName, $"a tensor name is {reader.ValueSpan.Length} bytes long; at most {MaxNameLength} characters are allowed.");
            var name = reader.GetString()!;
            reader.Read();
            if (name == MetadataKey)
            {
                if (sawMetadata)
                    throw Error(ModelFormatError.DuplicateKey, $"'{MetadataKey}' appears twice.");
                sawMetadata = true;
                ReadMetadata(ref reader);
                continue;
            }
            if (FaultOfName(name) is { } fault)
                throw Error(ModelFormatError.InvalidName, fault);
            if (!_entries.TryAdd(name, ReadEntry(ref reader, name)))
                throw Error(ModelFormatError.DuplicateKey, $"tensor '{name}' appears twice.");
            if (_entries.Count > MaxTensors)
                throw Error(ModelFormatError.LimitExceeded, $"the header lists more than {MaxTensors} tensors.");
        }
    }

    /// <summary>Why a tensor cannot have this name, or null.</summary>
    public static string? FaultOfName(string name)
    {
        if (name.Length > MaxNameLength)
            return $"a tensor name is {name.Length} characters long; at most {MaxNameLength} are allowed.";
        foreach (var c in name)
        {
            if (char.IsControl(c))
                return $"a tensor name has the control character U+{(int)c:X4}.";
        }
        return null;
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Error(ModelFormatError.InvalidMetadata, $"'{MetadataKey}' must be an object of strings.");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Error(ModelFormatError.InvalidMetadata, $"metadata '{Shown(key)}' must be a string.");
            if (!_metadata.TryAdd(key, reader.GetString()!))
                throw Error(ModelFormatError.DuplicateKey, $"metadata '{Shown(key)}' appears twice.");
        }
    }

    private SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Error(ModelFormatError.InvalidEntry, $"tensor '{name}' must be an object with dtype, shape and data_offsets.");
        SafetensorsDtype? dtype = null;
        List<ulong>? shape = null;
        List<ulong>? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            // An own comparison: GetString of a hostile field name may be 100 MB.
            if (reader.ValueTextEquals("dtype"u8))
            {
                if (dtype != null)
                    throw Twice(name, "dtype");
                reader.Read();
                dtype = ReadDtype(ref reader, name);
            }
            else if (reader.ValueTextEquals("shape"u8))
            {
                if (shape != null)
                    throw Twice(name, "shape");
                shape = ReadNumbers(ref reader, name, "shape", MaxRank, ModelFormatError.InvalidEntry);
            }
            else if (reader.ValueTextEquals("data_offsets"u8))
            {
                if (offsets != null)
                    throw Twice(name, "data_offsets");
                offsets = ReadNumbers(ref reader, name, "data_offsets", 2, ModelFormatError.InvalidOffset);
            }
            else
            {
                throw Error(ModelFormatError.InvalidEntry, $"tensor '{name}' has an unknown field; allowed are dtype, shape and data_offsets.");
            }
        }
        if (dtype is not { } type || shape == null || offsets == null)
            throw Error(ModelFormatError.InvalidEntry, $"tensor '{name}' lacks {(dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets")}.");
        if (offsets.Count != 2)
            throw Error(ModelFormatError.InvalidOffset, $"data_offsets of tensor '{name}' must be two numbers.");
        return Check(name, type, shape, offsets[0], offsets[1]);
    }

    private SafetensorsDtype ReadDtype(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw Error(ModelFormatError.InvalidEntry, $"dtype of tensor '{name}' must be a string.");
        var text = reader.ValueSpan.Length <= 64 ? reader.GetString()! : "(too long)";
        if (!SafetensorsDtype.TryParse(text, out var dtype))
            throw Error(ModelFormatError.UnsupportedDtype, $"tensor '{name}' has dtype '{Shown(text)}'; allowed are {SafetensorsDtype.AllowedNames}.");
        return dtype.Value;
    }

    private List<ulong> ReadNumbers(ref Utf8JsonReader reader, string name, string field, int most, ModelFormatError fault)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Error(fault, $"{field} of tensor '{name}' must be an array of whole numbers.");
        var numbers = new List<ulong>(4);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            // Plain digits only: 1.0, 1e3 and -0 are numbers to JSON, and no sizes.
            if (reader.TokenType != JsonTokenType.Number || reader.ValueSpan.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
                throw Error(fault, $"{field} of tensor '{name}' must hold whole numbers ≥ 0 in plain digits.");
            if (!Utf8Parser.TryParse(reader.ValueSpan, out ulong value, out var used) || used != reader.ValueSpan.Length)
                throw Error(ModelFormatError.Overflow, $"{field} of tensor '{name}' has a number beyond 64 bits.");
            if (numbers.Count == most)
                throw Error(most == MaxRank ? ModelFormatError.LimitExceeded : fault, $"{field} of tensor '{name}' has more than {most} numbers.");
            numbers.Add(value);
        }
        return numbers;
    }

    private SafetensorsEntry Check(string name, SafetensorsDtype dtype, List<ulong> shape, ulong begin, ulong end)
    {
        if (end < begin || end > long.MaxValue)
            throw Error(ModelFormatError.InvalidOffset, $"tensor '{name}' lies from {begin} to {end}.");
        var sizes = new long[shape.Count];
        var bytes = (ulong)dtype.Size;
        for (var i = 0; i < sizes.Length; i++)
        {
            if (shape[i] > MaxDimension)
                throw Error(ModelFormatError.Overflow, $"tensor '{name}' has a dimension of {shape[i]}; at most 2^48 is allowed.");
            var product = Math.BigMul(bytes, shape[i]);
            if (product > long.MaxValue)
                throw Error(ModelFormatError.Overflow, $"the size of tensor '{name}' does not fit 63 bits.");
            bytes = (ulong)product;
            sizes[i] = (long)shape[i];
        }
        return new SafetensorsEntry(name, dtype.Type, sizes, (long)begin, (long)(end - begin));
    }

    private void CheckLayout(long dataLength)
    {
        var sorted = _entries.Values.ToArray();
        Array.Sort(sorted, static (a, b) => a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset) : a.Length.CompareTo(b.Length));
        var position = 0L;
        foreach (var entry in sorted)
        {
            if (entry.Offset != position)
            {
                var what = entry.Offset > position ? "leaves a hole after" : "overlaps";
                throw Error(ModelFormatError.InvalidOffset, $"tensor '{entry.Name}' starts at {entry.Offset} and {what} the data before it, which ends at {position}.");
            }
            var expected = SizeOf(entry);
            if (entry.Length != expected)
                throw Error(ModelFormatError.SizeMismatch, $"tensor '{entry.Name}' holds {entry.Length} bytes; its shape and dtype need {expected}.");
            position += entry.Length;
        }
        if (position != dataLength)
            throw Error(ModelFormatError.IncompleteBuffer, $"the header describes {position} bytes of data and the file has {dataLength}.");
    }

    private static long SizeOf(SafetensorsEntry entry)
    {
        long bytes = SafetensorsDtype.Of(entry.Dtype).Size;
        foreach (var size in entry.Shape)
            bytes *= size;
        return bytes;
    }

    private ModelFormatException Twice(string name, string field) => Error(ModelFormatError.DuplicateKey, $"tensor '{name}' has '{field}' twice.");

    private static string Shown(string text) => text.Length <= 64 ? text : text[..64] + "…";

    private ModelFormatException Error(ModelFormatError error, string message, Exception? inner = null) => new(_file, error, message, inner);
}
