using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

[module: SkipLocalsInit]

namespace TorchSharp;

/// <summary>The exports of libpeftnative; foundation/native/README.md describes them.</summary>
internal static unsafe partial class Native
{
    internal const string Library = "peftnative";

    // libtorch's OpenMP threads spin for a while after each parallel region. On a shared machine one busy neighbour then
    // slows small operators 20 to 50 times. OpenMP reads the environment of the process (not .NET's copy of it) when it loads.
#pragma warning disable CA2255 // A library may have one where, as here, something must happen before another library loads.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void PrepareEnvironment()
    {
        if (!OperatingSystem.IsWindows() && Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null)
            setenv("OMP_WAIT_POLICY", "passive", 0);
    }

    // libtorch as a library starts with one thread.
    static Native()
    {
        if (Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is null)
            peft_set_threads(Environment.ProcessorCount);
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false)]
    private static extern int setenv([MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, int overwrite);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check(int status)
    {
        if (status != 0) Throw(status);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Throw(int status)
    {
        if (status == 2 && ManagedErrors.Take(peft_managed_error()) is { } error)
            ExceptionDispatchInfo.Throw(error);
        throw new ExternalException(Marshal.PtrToStringUTF8(peft_error()));
    }

    /// <summary>The tensor a native call made, after its status was checked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static torch.Tensor Made(int status, nint handle)
    {
        if (status != 0) Throw(status);
        return torch.Tensor.Of(handle);
    }

    [DllImport(Library)] internal static extern nint peft_error();
    [DllImport(Library)] internal static extern long peft_managed_error();
    [DllImport(Library)] internal static extern int peft_find_op(byte* name, byte* overload, nint* op);
    [DllImport(Library)] internal static extern int peft_call(nint op, NativeArg* args, int n, NativeArg* results, int max, int* count);
    [DllImport(Library)] internal static extern void peft_free_list(nint* list);
    [DllImport(Library)] internal static extern void peft_free_memory(nint p);

    // direct operators
    [DllImport(Library)] internal static extern int peft_add(nint a, nint b, double alpha, nint* result);
    [DllImport(Library)] internal static extern int peft_sub(nint a, nint b, nint* result);
    [DllImport(Library)] internal static extern int peft_mul(nint a, nint b, nint* result);
    [DllImport(Library)] internal static extern int peft_div(nint a, nint b, nint* result);
    [DllImport(Library)] internal static extern int peft_add_(nint a, nint b);
    [DllImport(Library)] internal static extern int peft_mul_scalar(nint a, double s, nint* result);
    [DllImport(Library)] internal static extern int peft_matmul(nint a, nint b, nint* result);
    [DllImport(Library)] internal static extern int peft_linear(nint x, nint w, nint bias, nint* result);
    [DllImport(Library)] internal static extern int peft_slice(nint a, long dim, long start, long stop, long step, nint* result);
    [DllImport(Library)] internal static extern int peft_select(nint a, long dim, long index, nint* result);
    [DllImport(Library)] internal static extern int peft_reshape(nint a, long* shape, int rank, nint* result);
    [DllImport(Library)] internal static extern int peft_transpose(nint a, long dim0, long dim1, nint* result);
    [DllImport(Library)] internal static extern int peft_factory(int how, long* shape, int rank, int dtype, int deviceType, int deviceIndex, int requiresGrad, nint* result);
    [DllImport(Library)] internal static extern int peft_index(nint a, IndexItem* items, int n, nint* result);
    [DllImport(Library)] internal static extern int peft_index_put(nint a, IndexItem* items, int n, nint value, int accumulate);

    [DllImport(Library)] internal static extern int peft_adam(nint p, nint average, nint square, nint largest, long step, double lr, double beta1, double beta2, double eps, double decay, int maximize, int decoupled);

    // tensors
    [DllImport(Library)] internal static extern void peft_free(nint t);
    [DllImport(Library)] internal static extern int peft_alias(nint t, nint* result);
    [DllImport(Library)] internal static extern int peft_from_memory(void* data, long* shape, int rank, int dtype, nint* result);
    [DllImport(Library)] internal static extern int peft_on_memory(void* data, long* shape, int rank, int dtype, delegate* unmanaged<void*, void> release, void* context, nint* result);
    [DllImport(Library), SuppressGCTransition] internal static extern long peft_dim(nint t);
    [DllImport(Library), SuppressGCTransition] internal static extern long* peft_sizes(nint t);
    [DllImport(Library), SuppressGCTransition] internal static extern long* peft_strides(nint t);
    [DllImport(Library), SuppressGCTransition] internal static extern long peft_numel(nint t);
    [DllImport(Library), SuppressGCTransition] internal static extern int peft_dtype(nint t);
    [DllImport(Library), SuppressGCTransition] internal static extern long peft_element_size(nint t);
    [DllImport(Library), SuppressGCTransition] internal static extern long peft_device(nint t);
    [DllImport(Library), SuppressGCTransition] internal static extern int peft_layout(nint t);
    [DllImport(Library), SuppressGCTransition] internal static extern int peft_defined(nint t);
    [DllImport(Library), SuppressGCTransition] internal static extern int peft_requires_grad(nint t);
    [DllImport(Library)] internal static extern int peft_is_leaf(nint t);
    [DllImport(Library)] internal static extern int peft_is_contiguous(nint t, int* result);
    [DllImport(Library)] internal static extern int peft_is_pinned(nint t, int* result);
    [DllImport(Library)] internal static extern int peft_data(nint t, void** data);
    [DllImport(Library)] internal static extern int peft_storage(nint t, void** data, long* bytes, long* offset);
    [DllImport(Library)] internal static extern int peft_set_requires_grad(nint t, int on);
    [DllImport(Library)] internal static extern int peft_item(nint t, void* to);
    [DllImport(Library)] internal static extern int peft_read(nint t, void* to, long bytes);
    [DllImport(Library)] internal static extern int peft_write(nint t, void* from, long bytes);
    [DllImport(Library)] internal static extern int peft_equal(nint a, nint b, int* result);

    // autograd
    [DllImport(Library)] internal static extern int peft_backward(nint* tensors, int n, nint* grads, int nGrads, int retain, int create, nint* inputs, int nInputs);
    [DllImport(Library)] internal static extern int peft_grad(nint* outputs, int n, nint* inputs, int nInputs, nint* grads, int nGrads, int retain, int create, int allowUnused, nint* result);
    [DllImport(Library)] internal static extern int peft_get_grad(nint t, nint* result);
    [DllImport(Library)] internal static extern int peft_set_grad(nint t, nint grad);
    [DllImport(Library), SuppressGCTransition] internal static extern int peft_has_grad(nint t);
    [DllImport(Library)] internal static extern int peft_retain_grad(nint t);
    [DllImport(Library)] internal static extern void peft_node_callbacks(delegate* unmanaged<long, nint*, int, nint*, int, long> backward, delegate* unmanaged<long, void> free);
    [DllImport(Library)] internal static extern int peft_node_new(long id, byte* name, nint* inputs, int n, int materialize, nint* result);
    [DllImport(Library)] internal static extern int peft_node_outputs(nint node, nint* inputs, int nInputs, nint* outputs, byte* kinds, int n);
    [DllImport(Library)] internal static extern int peft_node_save(nint node, nint* tensors, int n);
    [DllImport(Library)] internal static extern int peft_node_release(nint node);
    [DllImport(Library)] internal static extern nint peft_node_pointer(nint node);
    [DllImport(Library)] internal static extern int peft_node_saved_count(nint node);
    [DllImport(Library)] internal static extern int peft_node_saved(nint node, nint* result);

    // modes, threads, random numbers
    [DllImport(Library)] internal static extern nint peft_torch_version();
    [DllImport(Library), SuppressGCTransition] internal static extern int peft_grad_enabled();
    [DllImport(Library), SuppressGCTransition] internal static extern void peft_set_grad_enabled(int on);
    [DllImport(Library)] internal static extern int peft_inference_enabled();
    [DllImport(Library)] internal static extern nint peft_inference_enter(int on);
    [DllImport(Library)] internal static extern void peft_inference_leave(nint guard);
    [DllImport(Library)] internal static extern int peft_threads();
    [DllImport(Library)] internal static extern int peft_interop_threads();
    [DllImport(Library)] internal static extern int peft_set_threads(int n);
    [DllImport(Library)] internal static extern int peft_set_interop_threads(int n);
    [DllImport(Library)] internal static extern int peft_generator_new(ulong seed, int deviceType, int deviceIndex, nint* result);
    [DllImport(Library)] internal static extern int peft_generator_default(int deviceType, int deviceIndex, nint* result);
    [DllImport(Library)] internal static extern void peft_generator_free(nint g);
    [DllImport(Library)] internal static extern int peft_generator_set_seed(nint g, ulong seed);
    [DllImport(Library)] internal static extern int peft_generator_seed(nint g, ulong* seed);
    [DllImport(Library)] internal static extern int peft_generator_initial_seed(nint g, ulong* seed);
    [DllImport(Library)] internal static extern int peft_generator_state(nint g, nint* result);
    [DllImport(Library)] internal static extern int peft_generator_set_state(nint g, nint state);
    [DllImport(Library)] internal static extern int peft_generator_device(nint g, long* device);
    [DllImport(Library)] internal static extern int peft_manual_seed(ulong seed);

    // CUDA
    [DllImport(Library)] internal static extern int peft_cuda_available();
    [DllImport(Library)] internal static extern int peft_cudnn_available();
    [DllImport(Library)] internal static extern int peft_cuda_device_count();
    [DllImport(Library)] internal static extern int peft_cuda_manual_seed(ulong seed, int all);
    [DllImport(Library)] internal static extern int peft_cuda_synchronize(int index);
    [DllImport(Library)] internal static extern int peft_switch(int which, int value, int* now);
}
