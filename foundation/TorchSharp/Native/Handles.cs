using System.Runtime.CompilerServices;

namespace TorchSharp;

/// <summary>The native handles of a list of tensors, as an array to pin; null entries are 0.</summary>
internal static class Handles
{
    internal static nint[] Of(IEnumerable<torch.Tensor?>? tensors)
    {
        if (tensors is null) return [];
        var list = tensors as IReadOnlyCollection<torch.Tensor?> ?? tensors.ToArray();
        var handles = new nint[list.Count];
        int k = 0;
        foreach (var t in list) handles[k++] = t is null ? 0 : t.Handle;
        return handles;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void KeepAlive(object? a, object? b = null, object? c = null)
    {
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        GC.KeepAlive(c);
    }
}
