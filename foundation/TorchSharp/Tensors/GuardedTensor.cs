namespace TorchSharp;

/// <summary>A tensor that was made outside scopes: its finalizer frees what nobody disposed.</summary>
internal sealed class GuardedTensor(nint handle, DisposeScopeManager manager) : torch.Tensor(handle, manager)
{
    ~GuardedTensor() => Forgotten();
}
