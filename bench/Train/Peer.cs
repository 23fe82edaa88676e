using System.Diagnostics;
using System.Text.Json;

namespace Bench.Train;

/// <summary>What a side did in one turn: wall time and loss of each step, processor time of all threads over the turn.</summary>
internal sealed record Turn(double[] Milliseconds, double[] Losses, double CpuMilliseconds, double PeakMiB);

/// <summary>The PyTorch process: it waits while the other side works.</summary>
internal sealed class Peer : IDisposable
{
    private readonly Process _process;

    public Peer(string python, string script, string baseFolder, string workFolder)
    {
        _process = Process.Start(new ProcessStartInfo(python, [script, baseFolder, workFolder])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        using var hello = JsonDocument.Parse(Answer());
        Version = hello.RootElement.GetProperty("torch").GetString()!;
        TrainableCount = hello.RootElement.GetProperty("trainable").GetInt64();
    }

    public string Version { get; }

    public long TrainableCount { get; }

    public Turn Steps(int count)
    {
        _process.StandardInput.WriteLine($"steps {count}");
        _process.StandardInput.Flush();
        using var answer = JsonDocument.Parse(Answer());
        var root = answer.RootElement;
        return new Turn(Numbers(root.GetProperty("ms")), Numbers(root.GetProperty("loss")), root.GetProperty("cpu_ms").GetDouble(), root.GetProperty("peak_mib").GetDouble());
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10)))
            _process.Kill();
        _process.Dispose();
    }

    private string Answer() => _process.StandardOutput.ReadLine()
        ?? throw new InvalidOperationException("The PyTorch process ended without an answer; its message stands above.");

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetDouble())];
}
