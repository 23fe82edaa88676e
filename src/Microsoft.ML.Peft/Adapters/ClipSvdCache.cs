using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.ML.Peft.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Adapters;

/// <summary>Keeps the factors of weights in a folder, so that the next run reads them: one safetensors file a weight, named by a hash of its numbers.</summary>
/// <remarks>A file that is damaged or of other sizes is made anew. Files are written beside and renamed, so that any number of processes may share the folder.</remarks>
internal static class ClipSvdCache
{
    /// <summary>Names the folder where the settings name none.</summary>
    public const string Variable = "PEFT_ML_SVD_CACHE";

    // A part of the hash: another way to factor must not find the files of this one.
    private const int Version = 1;
    private const string SumKey = "sha256";

    /// <summary>The factors of a weight: those of the folder, or new ones that are put there.</summary>
    /// <param name="folder">The folder, made where it is missing; null to factor.</param>
    /// <param name="weight">(out, in).</param>
    /// <param name="precision">The type in which to compute.</param>
    /// <returns>As <see cref="ClipSvd.Factor"/>.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static (Tensor U, Tensor S, Tensor V) Factor(string? folder, Tensor weight, ClipSvdPrecision precision)
    {
        if (folder is null)
        {
            return ClipSvd.Factor(weight, precision);
        }

        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $"svd-{HashOf(weight, precision)}.safetensors");
        var (rows, columns) = (weight.size(0), weight.size(1));
        var kept = Math.Min(rows, columns);
        if (Read(path, precision == ClipSvdPrecision.Float64 ? ScalarType.Float64 : ScalarType.Float32, [rows, kept], [kept], [kept, columns]) is { } found)
        {
            return found;
        }

        var (u, s, v) = ClipSvd.Factor(weight, precision);
        (u, s, v) = (u.contiguous(), s.contiguous(), v.contiguous());
        SafetensorsWriter.Write(path, Named(u, s, v), new Dictionary<string, string> { [SumKey] = SumOf(u, s, v) });
        return (u, s, v);
    }

    private static (Tensor U, Tensor S, Tensor V)? Read(string path, ScalarType type, params long[][] shapes)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using var file = SafetensorsReader.Open(path);
            string[] names = ["U", "S", "V"];
            if (file.Entries.Count != names.Length || names.Zip(shapes).Any(part =>
                !file.Entries.TryGetValue(part.First, out var entry) || entry.Dtype != type || !entry.Shape.AsSpan().SequenceEqual(part.Second)))
            {
                return null;
            }

            var (u, s, v) = (empty(shapes[0], type), empty(shapes[1], type), empty(shapes[2], type));
            file.ReadInto("U", u);
            file.ReadInto("S", s);
            file.ReadInto("V", v);
            return file.Metadata.GetValueOrDefault(SumKey) == SumOf(u, s, v) ? (u, s, v) : null;
        }
        catch (ModelFormatException)
        {
            return null; // cut short, or not ours: what replaces it is whole
        }
    }

    private static KeyValuePair<string, Tensor>[] Named(Tensor u, Tensor s, Tensor v) => [new("U", u), new("S", s), new("V", v)];

    private static string HashOf(Tensor weight, ClipSvdPrecision precision)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> head = stackalloc byte[5 * sizeof(long)];
        long[] facts = [Version, (long)precision, (long)weight.dtype, weight.size(0), weight.size(1)];
        for (var k = 0; k < facts.Length; k++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(head[(k * sizeof(long))..], facts[k]);
        }

        hash.AppendData(head);
        hash.AppendData(weight.detach().cpu().contiguous().bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string SumOf(params Tensor[] tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in tensors)
        {
            hash.AppendData(tensor.bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
