using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>A file that is read, or written once.</summary>
public interface IFileHandle : IDisposable
{
    bool CanRead { get; }

    bool CanWrite { get; }

    Stream OpenReadStream();

    Stream CreateWriteStream();
}

/// <summary>A file handle over a path.</summary>
public sealed class SimpleFileHandle : IFileHandle
{
    private readonly string _path;
    private readonly bool _autoDelete;
    private bool _written;
    private bool _disposed;

    public SimpleFileHandle(IExceptionContext ectx, string path, bool needsWrite, bool autoDelete)
    {
        Contracts.CheckValue(ectx, nameof(ectx));
        Contracts.CheckNonEmpty(path, nameof(path));
        _path = path;
        _autoDelete = autoDelete;
        CanWriteOnce = needsWrite;
    }

    private bool CanWriteOnce { get; }

    public bool CanWrite => !_disposed && CanWriteOnce && !_written;

    public bool CanRead => !_disposed && (!CanWriteOnce || _written);

    public Stream CreateWriteStream()
    {
        Contracts.Check(CanWrite, "The file handle is not open for writing");
        _written = true;
        return new FileStream(_path, FileMode.Create, FileAccess.Write);
    }

    public Stream OpenReadStream()
    {
        Contracts.Check(CanRead, "The file handle is not open for reading");
        return new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.Read);
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        if (_autoDelete)
            File.Delete(_path);
    }
}
