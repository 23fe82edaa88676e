using System.Runtime.InteropServices;

namespace Microsoft.ML.Peft.Native;

/// <summary>The exports of libpeftnative that TorchSharp has no counterpart of; foundation/native/README.md describes the library.</summary>
/// <remarks>Tensors are passed by <c>Tensor.Handle</c>, so that it works on TorchSharp's tensors whoever made them. The library must
/// be built against the very libtorch that the process uses. Without it everything else works; what needs it says so.</remarks>
internal static unsafe partial class Bridge
{
    private const string Library = "peftnative";

    private static readonly Lazy<bool> s_available = new(() => Has("peft_group_backends"));

    /// <summary>True where the library was found.</summary>
    public static bool IsAvailable => s_available.Value;

    /// <summary>True where the library was found and has an export; an older one may lack it.</summary>
    public static bool Has(string export)
        => NativeLibrary.TryLoad(Library, typeof(Bridge).Assembly, null, out var handle) && NativeLibrary.TryGetExport(handle, export, out _);

    /// <summary>Refuses to go on without the library.</summary>
    /// <exception cref="NotSupportedException">It was not found.</exception>
    public static void Require(string what)
    {
        if (!IsAvailable)
        {
            throw new NotSupportedException(
                $"{what} needs the native library 'peftnative', which was not found beside the program; build foundation/native against the libtorch in use.");
        }
    }

    /// <summary>Turns a status into an exception with libtorch's words.</summary>
    /// <exception cref="ExternalException">The call failed.</exception>
    public static void Check(int status)
    {
        if (status != 0)
        {
            throw new ExternalException(Marshal.PtrToStringUTF8(peft_error()));
        }
    }

    [LibraryImport(Library)]
    private static partial nint peft_error();

    [LibraryImport(Library)]
    internal static partial int peft_find_op(byte* name, byte* overload, nint* op);

    [LibraryImport(Library)]
    internal static partial int peft_call(nint op, NativeArgument* arguments, int count, NativeArgument* results, int room, int* given);

    [LibraryImport(Library)]
    internal static partial int peft_column_linear(nint x, nint columns, nint weight, nint indices, double scale, nint bias, nint* result);

    [LibraryImport(Library)]
    internal static partial int peft_group_backends();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int peft_store_file(string path, int worldSize, nint* store);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int peft_store_tcp(string host, int port, int isServer, int worldSize, long timeoutMs, nint* store, int* bound);

    [LibraryImport(Library)]
    internal static partial void peft_store_free(nint store);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int peft_group_new(nint store, int backend, int rank, int worldSize, string host, long timeoutMs, nint* group);

    [LibraryImport(Library)]
    internal static partial void peft_group_free(nint group);

    [LibraryImport(Library)]
    internal static partial int peft_group_all_reduce(nint group, nint tensor, int op);

    [LibraryImport(Library)]
    internal static partial int peft_group_broadcast(nint group, nint tensor, int root);

    [LibraryImport(Library)]
    internal static partial int peft_group_barrier(nint group);

    [LibraryImport(Library)]
    internal static partial int peft_graph_new(nint* graph);

    [LibraryImport(Library)]
    internal static partial int peft_graph_enter(nint graph);

    [LibraryImport(Library)]
    internal static partial int peft_graph_begin(nint graph);

    [LibraryImport(Library)]
    internal static partial int peft_graph_end(nint graph);

    [LibraryImport(Library)]
    internal static partial int peft_graph_leave(nint graph);

    [LibraryImport(Library)]
    internal static partial int peft_graph_replay(nint graph);

    [LibraryImport(Library)]
    internal static partial void peft_graph_free(nint graph);

    [LibraryImport(Library)]
    internal static partial int peft_cuda_memory(int device, long* figures);

    [LibraryImport(Library)]
    internal static partial int peft_cuda_reset_peak(int device);

    [LibraryImport(Library)]
    internal static partial int peft_cuda_empty_cache();
}
