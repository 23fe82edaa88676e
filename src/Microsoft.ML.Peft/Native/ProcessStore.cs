namespace Microsoft.ML.Peft.Native;

/// <summary>Where the processes of one run find each other: a file that all can see, or a TCP port of rank 0.</summary>
public sealed unsafe class ProcessStore : IDisposable
{
    private nint _handle;

    private ProcessStore(nint handle, int port) => (_handle, Port) = (handle, port);

    /// <summary>The port of a TCP store, 0 for a file.</summary>
    public int Port { get; }

    internal nint Handle => _handle != 0 ? _handle : throw new ObjectDisposedException(nameof(ProcessStore));

    /// <summary>A store in a file, which must be new for each run.</summary>
    /// <exception cref="NotSupportedException">The native library is not there.</exception>
    public static ProcessStore File(string path, int worldSize)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        Guard.InRange(worldSize, 1, 1 << 16);
        Bridge.Require("A process group");
        nint handle;
        Bridge.Check(Bridge.peft_store_file(path, worldSize, &handle));
        return new(handle, 0);
    }

    /// <summary>A store at a TCP port; the server must outlive the others.</summary>
    /// <param name="host">Address of the server, for example 127.0.0.1.</param>
    /// <param name="port">Port, or 0 on the server for any that is free.</param>
    /// <param name="isServer">True in the process of rank 0.</param>
    /// <param name="worldSize">Count of processes.</param>
    /// <param name="timeout">How long to wait for the server. Default 60 seconds.</param>
    /// <exception cref="NotSupportedException">The native library is not there.</exception>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">There is no server, or the port is taken.</exception>
    public static ProcessStore Tcp(string host, int port, bool isServer, int worldSize, TimeSpan? timeout = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(host);
        Guard.InRange(port, isServer ? 0 : 1, 65_535);
        Guard.InRange(worldSize, 1, 1 << 16);
        Bridge.Require("A process group");
        nint handle;
        int bound;
        Bridge.Check(Bridge.peft_store_tcp(
            host, port, isServer ? 1 : 0, worldSize, (long)(timeout ?? TimeSpan.FromSeconds(60)).TotalMilliseconds, &handle, &bound));
        return new(handle, bound);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        var handle = Interlocked.Exchange(ref _handle, 0);
        if (handle != 0)
        {
            Bridge.peft_store_free(handle);
        }
    }
}
