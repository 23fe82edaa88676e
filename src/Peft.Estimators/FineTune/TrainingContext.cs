using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace Peft.Estimators.FineTune;

/// <summary>What a training takes from an <see cref="MLContext"/>: seed, log and device; or their defaults without one.</summary>
internal sealed class TrainingContext
{
    private const string Source = "PeftFineTune";

    private readonly MLContext? _context;
    private readonly IHost? _host;

    private TrainingContext(MLContext? context)
    {
        _context = context;
        _host = (context as IHostEnvironment)?.Register(Source);
    }

    public static TrainingContext None { get; } = new(null);

    public static TrainingContext Of(MLContext context) => new(context);

    public int DrawSeed() => _host?.Rand.Next() ?? 0;

    public TrainingLog StartLog(string activity) => new(_host?.Start(activity));

    /// <summary>Training runs on the CPU; a context that insists on another device is refused.</summary>
    public void CheckDevice(TrainingLog log)
    {
        if (_context?.GpuDeviceId is not { } device)
        {
            return;
        }

        if (!_context.FallbackToCpu)
        {
            throw new NotSupportedException(
                $"MLContext.GpuDeviceId is {device} and FallbackToCpu is false; this version trains on the CPU: set FallbackToCpu to true.");
        }

        log.Warning($"GpuDeviceId is {device}; this version trains on the CPU.");
    }
}

/// <summary>Messages to <see cref="MLContext.Log"/>, or to nobody.</summary>
internal sealed class TrainingLog(IChannel? channel) : IDisposable
{
    public void Info(string message) => channel?.Info(MessageSensitivity.None, message);

    public void Warning(string message) => channel?.Warning(MessageSensitivity.None, message);

    public void Dispose() => channel?.Dispose();
}
