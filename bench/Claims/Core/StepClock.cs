using System.Diagnostics;
using static TorchSharp.torch;

namespace Bench.Claims.Core;

/// <summary>Compares the times of two steps in one run: processor time on the CPU, wall time on a GPU. They take turns, so that a busy machine slows both.</summary>
internal static class StepClock
{
    private const int Warm = 3;

    /// <summary>Time of the first over that of the second, one ratio a round.</summary>
    public static Interval Ratio(string device, Action first, Action second, int rounds, int steps)
    {
        Seconds(device, first, Warm);
        Seconds(device, second, Warm);
        return Interval.Of([.. Enumerable.Range(0, rounds).Select(_ => Seconds(device, first, steps) / Seconds(device, second, steps))]);
    }

    /// <summary>Time of some steps.</summary>
    public static double Seconds(string device, Action step, int steps)
    {
        var onCpu = device == "cpu";
        if (!onCpu)
        {
            cuda.synchronize();
        }

        var (clock, used) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        for (var k = 0; k < steps; k++)
        {
            step();
        }

        if (!onCpu)
        {
            cuda.synchronize();
        }

        return onCpu ? (Environment.CpuUsage.TotalTime - used).TotalSeconds : clock.Elapsed.TotalSeconds;
    }
}
