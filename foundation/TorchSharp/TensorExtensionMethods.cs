using System.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>Values of one-element tensors, and saving tensors.</summary>
public static partial class TensorExtensionMethods
{
    public static Parameter AsParameter(this Tensor tensor) => new(tensor);

    public static int ElementSize(this ScalarType type) => ElementTypes.Size(type);

    public static long TotalSize(this IEnumerable<long> shape)
    {
        long n = 1;
        foreach (long s in shape) n = checked(n * s);
        return n;
    }

    public static float ToSingle(this Tensor value) => value.dtype == ScalarType.Float32 ? value.item<float>() : value.ToScalar().ToSingle();
    public static double ToDouble(this Tensor value) => value.ToScalar().ToDouble();
    public static Half ToHalf(this Tensor value) => value.ToScalar().ToHalf();
    public static BFloat16 ToBFloat16(this Tensor value) => value.ToScalar().ToBFloat16();
    public static sbyte ToSByte(this Tensor value) => value.ToScalar().ToSByte();
    public static byte ToByte(this Tensor value) => value.ToScalar().ToByte();
    public static short ToInt16(this Tensor value) => value.ToScalar().ToInt16();
    public static int ToInt32(this Tensor value) => value.ToScalar().ToInt32();
    public static long ToInt64(this Tensor value) => value.ToScalar().ToInt64();
    public static bool ToBoolean(this Tensor value) => value.ToScalar().ToBoolean();
    public static (float Real, float Imaginary) ToComplexFloat32(this Tensor value) => value.ToScalar().ToComplexFloat32();
    public static Complex ToComplexFloat64(this Tensor value) => value.ToScalar().ToComplexFloat64();
    public static (float Real, float Imaginary) ToComplex32(this Tensor value) => value.ToComplexFloat32();
    public static Complex ToComplex64(this Tensor value) => value.ToComplexFloat64();

    // ---- one tensor in a stream: type, rank, sizes (LEB128 numbers), then the bytes ----

    public static void Save(this Tensor tensor, BinaryWriter writer)
    {
        writer.Write7BitEncodedInt64((int)tensor.dtype);
        var shape = tensor.shape;
        writer.Write7BitEncodedInt64(shape.Length);
        foreach (long s in shape) writer.Write7BitEncodedInt64(s);
        writer.Flush();
        tensor.WriteBytesToStream(writer.BaseStream);
    }

    public static void Save(this Tensor tensor, Stream stream)
    {
        using var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true);
        tensor.Save(writer);
    }

    private static (ScalarType dtype, long[] shape, long bytes) ReadHeader(BinaryReader reader)
    {
        long code = reader.Read7BitEncodedInt64();
        if (code is < 0 or > 15 || !Enum.IsDefined((ScalarType)code)) throw new InvalidDataException($"{code} is no element type: this is no saved tensor.");
        var dtype = (ScalarType)code;
        long rank = reader.Read7BitEncodedInt64();
        if (rank is < 0 or > 64) throw new InvalidDataException($"A saved tensor cannot have {rank} dimensions.");
        var shape = new long[rank];
        long bytes = dtype.ElementSize();
        for (int d = 0; d < rank; d++)
        {
            shape[d] = reader.Read7BitEncodedInt64();
            if (shape[d] < 0 || shape[d] > 0 && bytes > long.MaxValue / shape[d]) throw new InvalidDataException($"A saved tensor cannot have the size {shape[d]} in dimension {d}.");
            bytes *= shape[d];
        }
        var stream = reader.BaseStream;
        if (stream.CanSeek && bytes > stream.Length - stream.Position)
            throw new InvalidDataException($"The saved tensor announces {bytes} bytes, but the stream has only {stream.Length - stream.Position} left.");
        return (dtype, shape, bytes);
    }

    private static void Skip(BinaryReader reader, long bytes)
    {
        if (reader.BaseStream.CanSeek) reader.BaseStream.Seek(bytes, SeekOrigin.Current);
        else for (long left = bytes; left > 0;) left -= reader.ReadBytes((int)Math.Min(left, 1 << 16)).Length is var n and > 0 ? n : throw new EndOfStreamException();
    }

    /// <summary>Reads a saved tensor into an existing one of the same shape; its type is converted.</summary>
    public static void Load(this Tensor tensor, BinaryReader reader, bool skip = false)
    {
        var (dtype, shape, bytes) = ReadHeader(reader);
        if (skip)
        {
            Skip(reader, bytes);
            return;
        }
        if (!tensor.shape.AsSpan().SequenceEqual(shape))
            throw new ArgumentException($"Mismatched tensor shape while loading: the tensor has [{string.Join(", ", tensor.shape)}], the file [{string.Join(", ", shape)}].");
        if (dtype == tensor.dtype)
        {
            tensor.ReadBytesFromStream(reader.BaseStream);
            return;
        }
        using var read = torch.empty(shape, dtype, CPU);
        read.ReadBytesFromStream(reader.BaseStream);
        using (no_grad()) tensor.copy_(read);
    }

    public static Tensor Load(BinaryReader reader, bool skip = false)
    {
        var (dtype, shape, bytes) = ReadHeader(reader);
        if (skip)
        {
            Skip(reader, bytes);
            return null!;
        }
        var t = torch.empty(shape, dtype, CPU);
        t.ReadBytesFromStream(reader.BaseStream);
        return t;
    }
}
