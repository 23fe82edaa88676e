using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Peft;
using Microsoft.ML.Peft.Inputs;
using Microsoft.ML.Peft.Layers;
using Microsoft.ML.Peft.Training;
using static TorchSharp.torch;

namespace Bench.Train;

/// <summary>Our side: the trainer's step, from rows of ids to updated parameters.</summary>
internal sealed class Ours : IDisposable
{
    private readonly TextClassifier _model;
    private readonly Workload _work;
    private readonly TrainingOptions _options;
    private readonly ForwardContext _context;
    private readonly FlatAdamW _optimizer;
    private int _step;

    public Ours(TextClassifier model, Workload work, TrainingOptions options)
    {
        (_model, _work, _options) = (model, work, options);
        _context = ForwardContext.TrainingWith(model.Settings.Seed, model.Adapter);
        _optimizer = new FlatAdamW(model.Adapter.TrainedParameters(), options.WeightDecay) { HighestLearningRate = options.LearningRate };
    }

    public Turn Steps(int count)
    {
        var (milliseconds, losses) = (new double[count], new double[count]);
        var cpu = Environment.CpuUsage.TotalTime;
        for (int k = 0; k < count; k++)
        {
            long begin = Stopwatch.GetTimestamp();
            losses[k] = Step(_work.Batch(_step++));
            milliseconds[k] = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        }
        return new Turn(milliseconds, losses, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds, PeakMiB());
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _context.Dispose();
    }

    private double Step(int[] batch)
    {
        using var scope = NewDisposeScope();
        using var tokens = new TokenBatch(Array.ConvertAll(batch, k => _work.Rows[k]), _model.Tokenizer.PadId);
        var target = tensor(Array.ConvertAll(batch, k => _work.Labels[k]));
        var loss = nn.functional.cross_entropy(_model.Logits(tokens, _context), target);
        float value = loss.item<float>();
        loss.backward();
        _optimizer.Step(_options.LearningRate, _options.MaxGradientNorm);
        return value;
    }

    private static double PeakMiB() =>
        File.ReadLines("/proc/self/status").Where(l => l.StartsWith("VmHWM:", StringComparison.Ordinal))
            .Select(l => double.Parse(l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024).Single();
}
