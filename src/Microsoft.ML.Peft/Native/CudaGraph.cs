namespace Microsoft.ML.Peft.Native;

/// <summary>A piece of GPU work that is recorded once and replayed with one launch.</summary>
/// <remarks>The work must take its inputs from tensors that stay where they are and leave its results in such tensors; it may not
/// ask for a number on the host, nor draw random numbers.</remarks>
public sealed unsafe class CudaGraph : IDisposable
{
    private nint _handle;

    /// <summary>Runs the work a few times to warm up, then records it.</summary>
    /// <param name="work">The work; it is called <paramref name="warmUps"/> + 1 times.</param>
    /// <param name="warmUps">Runs before the recording: 1 to 100. Default 3.</param>
    /// <exception cref="NotSupportedException">The native library is not there.</exception>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">There is no CUDA, or the work cannot be recorded.</exception>
    public CudaGraph(Action work, int warmUps = 3)
    {
        ArgumentNullException.ThrowIfNull(work);
        Guard.InRange(warmUps, 1, 100);
        Bridge.Require("A CUDA graph");
        nint handle;
        Bridge.Check(Bridge.peft_graph_new(&handle));
        _handle = handle;
        try
        {
            Record(work, warmUps);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Runs the recorded work on the current stream.</summary>
    public void Replay() => Bridge.Check(Bridge.peft_graph_replay(_handle != 0 ? _handle : throw new ObjectDisposedException(nameof(CudaGraph))));

    /// <inheritdoc/>
    public void Dispose()
    {
        var handle = Interlocked.Exchange(ref _handle, 0);
        if (handle != 0)
        {
            Bridge.peft_graph_free(handle);
        }
    }

    private void Record(Action work, int warmUps)
    {
        Bridge.Check(Bridge.peft_graph_enter(_handle));
        try
        {
            for (var k = 0; k < warmUps; k++)
            {
                work();
            }

            Bridge.Check(Bridge.peft_graph_begin(_handle));
            try
            {
                work();
            }
            finally
            {
                Bridge.Check(Bridge.peft_graph_end(_handle));
            }
        }
        finally
        {
            Bridge.Check(Bridge.peft_graph_leave(_handle));
        }
    }
}
