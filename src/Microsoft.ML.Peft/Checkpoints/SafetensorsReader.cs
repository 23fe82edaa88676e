using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Checkpoints;

/// <summary>Reads tensors by name from a safetensors file that is checked in full when it is opened.</summary>
/// <remarks>Tensors are read by offset straight into their own memory. Safe to use from several threads.</remarks>
public sealed class SafetensorsReader : IDisposable
{
    private readonly string _name;
    private readonly SafeFileHandle? _handle;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly SafetensorsHeader _header;
    private readonly long _dataStart;
    private bool _disposed;

    private SafetensorsReader(string name, SafeFileHandle? handle, ReadOnlyMemory<byte> bytes)
    {
        _name = name;
        _handle = handle;
        _bytes = bytes;
        var length = handle != null ? RandomAccess.GetLength(handle) : bytes.Length;
        if (length < 8)
            throw new ModelFormatException(name, ModelFormatError.HeaderTooSmall, $"the file has {length} bytes; a safetensors file has at least 8.");
        Span<byte> start = stackalloc byte[8];
        ReadBytes(start, 0);
        var headerLength = CheckLength(start, length);
        var json = new byte[headerLength];
        ReadBytes(json, 8);
        _dataStart = 8L + headerLength;
        _header = SafetensorsHeader.Parse(name, json, length - _dataStart);
    }

    /// <summary>What the writer noted beside the tensors; empty if nothing.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>All tensors of the file by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _header.Entries;

    /// <summary>Opens a file and checks its whole header.</summary>
    /// <param name="path">A regular file; pipes, devices and folders are refused.</param>
    /// <exception cref="ModelFormatException">The file is not there, or is no valid safetensors file.</exception>
    public static SafetensorsReader Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (UnsafeFormats.IsPickleName(path))
            throw UnsafeFormats.Refuse(path);
        var handle = RegularFile.Open(path);
        try
        {
            return new SafetensorsReader(path, handle, default);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads from memory, such as an entry of an archive.</summary>
    /// <param name="bytes">The whole file; it must not change while the reader is used.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="ModelFormatException">It is no valid safetensors file.</exception>
    public static SafetensorsReader Open(ReadOnlyMemory<byte> bytes, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new SafetensorsReader(name, null, bytes);
    }

    /// <summary>A new CPU tensor of the stored shape and number type, which no dispose scope owns.</summary>
    /// <exception cref="ModelFormatException">The file has no tensor of this name.</exception>
    /// <exception cref="IOException">The file became shorter since it was opened.</exception>
    public Tensor Read(string name)
    {
        var entry = Find(name);
        var tensor = empty(entry.Shape, entry.Dtype, CPU);
        try
        {
            ReadTensor(entry, tensor);
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
        return tensor.DetachFromDisposeScope();
    }

    /// <summary>Overwrites a tensor with a stored one, converting the number type where it differs.</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="destination">A tensor of exactly the stored shape, on any device.</param>
    /// <exception cref="ModelFormatException">No tensor of this name, or another shape.</exception>
    /// <exception cref="IOException">The file became shorter since it was opened.</exception>
    public void ReadInto(string name, Tensor destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        var entry = Find(name);
        if (!destination.shape.AsSpan().SequenceEqual(entry.Shape))
            throw new ModelFormatException(_name, ModelFormatError.ShapeMismatch, $"tensor '{name}' has shape ({string.Join(", ", entry.Shape)}); the model needs ({string.Join(", ", destination.shape)}).");
        if (destination.dtype == entry.Dtype && destination.device_type == DeviceType.CPU && destination.is_contiguous())
        {
            ReadTensor(entry, destination);
            return;
        }
        using var stored = Read(name);
        using var frozen = no_grad();
        if (destination.device_type == DeviceType.CPU && destination.is_contiguous())
            TensorBytes.ForEach(destination, (piece, _) => LargePages.Ask(piece));
        destination.copy_(stored);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _disposed = true;
        _handle?.Dispose();
    }

    private int CheckLength(ReadOnlySpan<byte> start, long length)
    {
        try
        {
            return SafetensorsHeader.CheckLength(_name, BinaryPrimitives.ReadUInt64LittleEndian(start), length);
        }
        catch (ModelFormatException) when (UnsafeFormats.IsPickleStart(start))
        {
            throw UnsafeFormats.Refuse(_name);
        }
    }

    private SafetensorsEntry Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return Entries.TryGetValue(name, out var entry)
            ? entry
            : throw new ModelFormatException(_name, ModelFormatError.MissingTensor, $"there is no tensor '{name}' among its {Entries.Count}.");
    }

    private void ReadTensor(SafetensorsEntry entry, Tensor destination) => TensorBytes.ForEach(destination, (piece, offset) =>
    {
        LargePages.Ask(piece);
        ReadBytes(piece, _dataStart + entry.Offset + offset);
    });

    private void ReadBytes(Span<byte> destination, long offset)
    {
        if (_handle != null)
            RegularFile.ReadExactly(_handle, _name, destination, offset);
        else
            _bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
    }
}
