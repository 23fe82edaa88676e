namespace TorchSharp;

/// <summary>Frees the native tensor of an object that was made outside scopes and forgotten.</summary>
internal sealed class TensorGuard(nint handle)
{
    private nint handle = handle;

    ~TensorGuard()
    {
        nint h = Interlocked.Exchange(ref handle, 0);
        if (h == 0) return;
        DisposeScopeManager.OfThread.Gone++;
        Native.peft_free(h);
    }

    /// <summary>Takes the duty over; gives the handle, or 0 if it was too late.</summary>
    internal nint Release()
    {
        GC.SuppressFinalize(this);
        return Interlocked.Exchange(ref handle, 0);
    }
}
