using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.Peft.Heads;
using static TorchSharp.torch;

namespace Bench.Load;

/// <summary>What one process measured: times in milliseconds, sizes in bytes.</summary>
internal sealed record Measured(double FirstMs, double SecondMs, long BeforeBytes, long PeakBytes, long WeightBytes);

/// <summary>What is timed, each in a process of its own.</summary>
internal static class Sides
{
    /// <summary>This library: the model is ready to compute.</summary>
    public static Measured Ours(string folder)
    {
        using (zeros(1)) // libtorch is there
        {
        }
        long before = Status("VmRSS:"), weights = 0, peak = 0;
        double first = Time(Load), second = Time(Load);
        return new Measured(first, second, before, peak, weights);

        void Load()
        {
            using var model = PretrainedModel.Load(folder, HeadKind.CausalLanguageModel);
            weights = model.Layers.SelectMany(l => l.Tensors()).Sum(t => t.Tensor.numel() * t.Tensor.ElementSize);
            peak = peak == 0 ? Status("VmHWM:") : peak;
        }
    }

    /// <summary>The same bytes read from start to end: first into one small buffer, then into fresh memory of the file's size.</summary>
    public static unsafe Measured Raw(string folder)
    {
        var path = Path.Combine(folder, "model.safetensors");
        long before = Status("VmRSS:"), size = new FileInfo(path).Length;
        double small = Time(() => Read(null)), fresh = Time(() =>
        {
            void* memory = NativeMemory.Alloc((nuint)size);
            Read((nint)memory);
            NativeMemory.Free(memory);
        });
        return new Measured(small, fresh, before, Status("VmHWM:"), size);

        void Read(nint? memory)
        {
            using var file = File.OpenHandle(path);
            var buffer = new byte[1 << 20];
            for (long at = 0; at < size;)
            {
                var into = memory is { } start ? new Span<byte>((byte*)start + at, (int)Math.Min(1 << 26, size - at)) : buffer;
                at += RandomAccess.Read(file, into, at);
            }
        }
    }

    private static double Time(Action action)
    {
        long begin = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
    }

    private static long Status(string field) => File.ReadLines("/proc/self/status").Where(l => l.StartsWith(field, StringComparison.Ordinal))
        .Select(l => long.Parse(l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024).Single();
}
