using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>Writes tensors as a safetensors file, in the order and with the padding that the format's own writer uses.</summary>
public static class SafetensorsWriter
{
    /// <summary>Writes a file that is either whole or not there.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="tensors">Names and tensors, on any device; each name once.</param>
    /// <param name="metadata">Notes to keep beside the tensors.</param>
    /// <exception cref="ArgumentException">A name appears twice, is too long or has control characters.</exception>
    /// <exception cref="NotSupportedException">A tensor's number type has no name in the format.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var sorted = Sort(tensors); // refuses bad names before a file is made
        AtomicFile.Write(path, stream => WriteSorted(stream, sorted, metadata));
    }

    /// <summary>Writes to a stream, which stays open.</summary>
    /// <param name="destination">A stream that can be written.</param>
    /// <param name="tensors">Names and tensors, on any device; each name once.</param>
    /// <param name="metadata">Notes to keep beside the tensors.</param>
    /// <exception cref="ArgumentException">A name appears twice, is too long or has control characters.</exception>
    /// <exception cref="NotSupportedException">A tensor's number type has no name in the format.</exception>
    public static void Write(Stream destination, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(destination);
        WriteSorted(destination, Sort(tensors), metadata);
    }

    private static List<Item> Sort(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var items = new List<Item>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, tensor) in tensors)
        {
            ArgumentNullException.ThrowIfNull(name, nameof(tensors));
            ArgumentNullException.ThrowIfNull(tensor, nameof(tensors));
            if (SafetensorsHeader.FaultOfName(name) is { } fault)
                throw new ArgumentException(fault, nameof(tensors));
            if (name == "__metadata__")
                throw new ArgumentException("A tensor cannot be called '__metadata__'.", nameof(tensors));
            if (!names.Add(name))
                throw new ArgumentException($"Tensor '{name}' appears twice.", nameof(tensors));
            items.Add(new Item(name, tensor, SafetensorsDtype.Of(tensor.dtype)));
        }
        items.Sort(static (a, b) => a.Dtype.Rank != b.Dtype.Rank ? b.Dtype.Rank.CompareTo(a.Dtype.Rank) : CompareUtf8(a.Name, b.Name));
        return items;
    }

    /// <summary>Byte order of the UTF-8 forms, which ordinal UTF-16 order is not above U+FFFF.</summary>
    private static int CompareUtf8(string a, string b) =>
        System.Text.Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(System.Text.Encoding.UTF8.GetBytes(b));

    private static void WriteSorted(Stream destination, List<Item> items, IReadOnlyDictionary<string, string>? metadata)
    {
        var header = Header(items, metadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        destination.Write(length);
        destination.Write(header);
        foreach (var item in items)
        {
            if (item.Tensor.device_type == DeviceType.CPU && item.Tensor.is_contiguous())
            {
                TensorBytes.ForEach(item.Tensor, (piece, _) => destination.Write(piece));
                continue;
            }
            using var local = item.Tensor.cpu();
            using var dense = local.contiguous();
            TensorBytes.ForEach(dense, (piece, _) => destination.Write(piece));
        }
    }

    private static byte[] Header(List<Item> items, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            var offset = 0L;
            foreach (var item in items)
            {
                json.WriteStartObject(item.Name);
                json.WriteString("dtype", item.Dtype.Name);
                json.WriteStartArray("shape");
                foreach (var size in item.Tensor.shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                offset += item.Tensor.numel() * item.Dtype.Size;
                json.WriteNumberValue(offset);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        if (buffer.Length > SafetensorsHeader.MaxHeaderLength)
            throw new ArgumentException($"The header of {items.Count} tensors has {buffer.Length} bytes; at most {SafetensorsHeader.MaxHeaderLength} are allowed.");
        return buffer.ToArray();
    }

    private readonly record struct Item(string Name, Tensor Tensor, SafetensorsDtype Dtype);
}
