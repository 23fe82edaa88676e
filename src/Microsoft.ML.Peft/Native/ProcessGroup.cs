using static TorchSharp.torch;

namespace Microsoft.ML.Peft.Native;

/// <summary>How processes exchange tensors.</summary>
public enum GroupBackend
{
    /// <summary>CPU tensors over TCP.</summary>
    Gloo = 1,

    /// <summary>CUDA tensors, one process a GPU.</summary>
    Nccl = 2,
}

/// <summary>How the tensors of the ranks become one.</summary>
public enum GroupReduction
{
    /// <summary>Element by element sum.</summary>
    Sum,

    /// <summary>Element by element minimum.</summary>
    Minimum,

    /// <summary>Element by element maximum.</summary>
    Maximum,
}

/// <summary>One process of several that train together; every rank must make the same calls in the same order.</summary>
/// <remarks>A rank that ends shows as an <see cref="System.Runtime.InteropServices.ExternalException"/> in the others, at the latest
/// after the time-out. Start ranks as processes of their own, never by forking a running one.</remarks>
public sealed unsafe class ProcessGroup : IDisposable
{
    private nint _handle;

    /// <summary>Joins the group; returns when every rank has come.</summary>
    /// <param name="store">Where the ranks meet.</param>
    /// <param name="backend">What carries the tensors.</param>
    /// <param name="rank">This process: 0 to <paramref name="worldSize"/> − 1.</param>
    /// <param name="worldSize">Count of processes.</param>
    /// <param name="host">Own address for Gloo. Default the loopback.</param>
    /// <param name="timeout">How long a call may wait for the others. Default 120 seconds.</param>
    /// <exception cref="NotSupportedException">The native library or the backend is not there.</exception>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">The others did not come in time.</exception>
    public ProcessGroup(ProcessStore store, GroupBackend backend, int rank, int worldSize, string host = "127.0.0.1", TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        Guard.InRange(worldSize, 1, 1 << 16);
        Guard.InRange(rank, 0, worldSize - 1);
        if ((Bridge.peft_group_backends() & (int)backend) == 0)
        {
            throw new NotSupportedException($"The native library was built without {backend}; build foundation/native where its headers are installed.");
        }

        nint handle;
        Bridge.Check(Bridge.peft_group_new(
            store.Handle, (int)backend, rank, worldSize, host, (long)(timeout ?? TimeSpan.FromSeconds(120)).TotalMilliseconds, &handle));
        (_handle, Rank, WorldSize) = (handle, rank, worldSize);
    }

    /// <summary>This process.</summary>
    public int Rank { get; }

    /// <summary>Count of processes.</summary>
    public int WorldSize { get; }

    private nint Handle => _handle != 0 ? _handle : throw new ObjectDisposedException(nameof(ProcessGroup));

    /// <summary>Puts the reduction over all ranks into the tensor of each.</summary>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">A rank is gone, the shapes differ, or the type cannot be reduced.</exception>
    public void AllReduce(Tensor tensor, GroupReduction reduction = GroupReduction.Sum)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        Bridge.Check(Bridge.peft_group_all_reduce(Handle, tensor.Handle, (int)reduction));
        GC.KeepAlive(tensor);
    }

    /// <summary>Overwrites the tensor of each rank with that of the root.</summary>
    public void Broadcast(Tensor tensor, int root = 0)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        Guard.InRange(root, 0, WorldSize - 1);
        Bridge.Check(Bridge.peft_group_broadcast(Handle, tensor.Handle, root));
        GC.KeepAlive(tensor);
    }

    /// <summary>Waits until every rank is here.</summary>
    public void Barrier() => Bridge.Check(Bridge.peft_group_barrier(Handle));

    /// <inheritdoc/>
    public void Dispose()
    {
        var handle = Interlocked.Exchange(ref _handle, 0);
        if (handle != 0)
        {
            Bridge.peft_group_free(handle);
        }
    }
}
