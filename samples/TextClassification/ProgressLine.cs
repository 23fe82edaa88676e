using Microsoft.ML.Peft.Training;

namespace TextClassification;

/// <summary>One line that follows the training; where the output is no terminal, a line every few seconds.</summary>
internal sealed class ProgressLine(string title) : IDisposable
{
    private static readonly TimeSpan Terminal = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan File = TimeSpan.FromSeconds(5);

    private readonly bool _live = !Console.IsOutputRedirected;
    private long _shown;

    public void Show(TrainingProgress progress)
    {
        var last = progress.Step == progress.Steps;
        if (!last && _shown != 0 && TimeProvider.System.GetElapsedTime(_shown) < (_live ? Terminal : File))
        {
            return;
        }

        _shown = TimeProvider.System.GetTimestamp();
        var line = $"{title}: epoch {progress.Epoch}/{progress.Epochs}, step {progress.Step}/{progress.Steps}, loss {progress.Loss:F4}, "
            + $"{progress.RowsPerSecond:F0} rows/s, {progress.Remaining:mm\\:ss} left";
        if (_live)
        {
            Console.Write($"\r{line,-100}");
        }
        else
        {
            Console.WriteLine(line);
        }
    }

    public void Dispose()
    {
        if (_live && _shown != 0)
        {
            Console.WriteLine();
        }
    }
}
