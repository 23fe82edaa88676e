using System.Collections.Concurrent;

namespace Microsoft.ML.Peft.Inputs.Batching;

/// <summary>Prepares rows on background threads, a bounded number of them ahead of their reader, and gives them out in their order.</summary>
public static class LookAhead
{
    /// <summary>Maps every row of a sequence, in order, whatever the number of threads.</summary>
    /// <remarks>
    /// <para>The sequence is read by one background thread from its start to its end, so that a data view's cursor may stand behind it.</para>
    /// <para>An error of the sequence or of <paramref name="map"/> is thrown where its row would have come. When the reader stops early,
    /// the background work has ended before <c>Dispose</c> of the enumerator returns, and results that nobody took are disposed of.</para>
    /// </remarks>
    /// <param name="rows">The rows; read anew by each enumeration.</param>
    /// <param name="map">What to do with a row and its number, from 0; called on several threads at once.</param>
    /// <param name="threads">How many rows are mapped at once, 1 to 1024.</param>
    /// <param name="capacity">How many rows may be in work or ready, 1 or more; fewer than <paramref name="threads"/> leave threads idle.</param>
    /// <param name="cancellation">Ends the sequence with an <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="ArgumentException">A number is outside its range.</exception>
    public static IEnumerable<TResult> Map<TRow, TResult>(
        IEnumerable<TRow> rows, Func<TRow, long, TResult> map, int threads, int capacity, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(map);
        Guard.InRange(threads, 1, 1024);
        Guard.InRange(capacity, 1, 1 << 20);
        return Run(rows, map, threads, capacity, cancellation);
    }

    private static IEnumerable<TResult> Run<TRow, TResult>(
        IEnumerable<TRow> rows, Func<TRow, long, TResult> map, int threads, int capacity, CancellationToken cancellation)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var room = new SemaphoreSlim(capacity);
        using var started = new BlockingCollection<Task<TResult>>();
        var workers = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, threads).ConcurrentScheduler;
        var stop = stopping.Token;
        var reader = Task.Factory.StartNew(Read, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            while (started.TryTake(out var task, Timeout.Infinite, cancellation))
            {
                TResult result;
                try
                {
                    result = task.GetAwaiter().GetResult();
                }
                finally
                {
                    room.Release();
                }
                yield return result;
            }
            reader.GetAwaiter().GetResult(); // throws what the sequence threw
        }
        finally
        {
            stopping.Cancel();
            Task.WaitAny([reader], CancellationToken.None); // its error was thrown above, or nobody waits for it any more
            _ = reader.Exception;
            foreach (var task in started)
                Discard(task);
        }

        void Read()
        {
            try
            {
                long number = 0;
                foreach (var row in rows)
                {
                    room.Wait(stop);
                    var k = number++;
                    started.Add(Task.Factory.StartNew(() => map(row, k), stop, TaskCreationOptions.None, workers), CancellationToken.None);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                cancellation.ThrowIfCancellationRequested();
            }
            finally
            {
                started.CompleteAdding();
            }
        }
    }

    private static void Discard<TResult>(Task<TResult> task)
    {
        try
        {
            (task.GetAwaiter().GetResult() as IDisposable)?.Dispose();
        }
        catch (Exception)
        {
            // Nobody asked for this row.
        }
    }
}
