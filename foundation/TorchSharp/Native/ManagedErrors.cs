using System.Collections.Concurrent;

namespace TorchSharp;

/// <summary>Exceptions of managed callbacks while they travel through libtorch under a number.</summary>
internal static class ManagedErrors
{
    private static readonly ConcurrentDictionary<long, Exception> waiting = new();
    private static long last;

    internal static long Put(Exception error)
    {
        long id = Interlocked.Increment(ref last);
        waiting[id] = error;
        return id;
    }

    internal static Exception? Take(long id) => waiting.TryRemove(id, out var error) ? error : null;
}
